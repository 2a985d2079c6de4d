import { Readable } from 'node:stream';

/**
 * A file that a client has sent, as the value of a variable of the scalar `Upload`. A subgraph in this process gets it as it
 * is; it has what resolvers know from graphql-upload.
 */
export class UploadedFile {
  readonly filename: string;
  readonly mimetype: string;
  readonly encoding: string;
  readonly bytes: Buffer;

  constructor(file: {
    readonly filename: string;
    readonly mimetype: string;
    readonly encoding: string;
    readonly bytes: Buffer;
  }) {
    this.filename = file.filename;
    this.mimetype = file.mimetype;
    this.encoding = file.encoding;
    this.bytes = file.bytes;
  }

  createReadStream(): Readable {
    return Readable.from([this.bytes]);
  }

  /** In JSON a file is null, and stands beside it. Source: GraphQL multipart request specification, `operations`. */
  toJSON(): null {
    return null;
  }
}
