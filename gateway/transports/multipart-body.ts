import { randomUUID } from 'node:crypto';
import { UploadedFile } from '../../kernel/graphql/uploaded-file.js';

/** A request with files in it. */
export interface MultipartBody {
  readonly body: Buffer;
  readonly contentType: string;
}

/** A file, and where among the variables it stands. */
interface PlacedFile {
  readonly path: string;
  readonly file: UploadedFile;
}

/**
 * Writes a fetch whose variables have files in them; undefined when there is none.
 *
 * Source: GraphQL multipart request specification (github.com/jaydenseric/graphql-multipart-request-spec); RFC 7578.
 *
 * @param json the fetch as JSON, in which files are null.
 */
export function writeMultipartBody(
  json: string,
  variables: Readonly<Record<string, unknown>>,
): MultipartBody | undefined {
  const files = [...findFiles(variables, 'variables')];
  if (files.length === 0) return undefined;
  const boundary = `aegis-${randomUUID()}`;
  const map = JSON.stringify(Object.fromEntries(files.map(({ path }, index) => [String(index), [path]])));
  const head = (name: string, more = '') =>
    `--${boundary}\r\ncontent-disposition: form-data; name="${name}"${more}\r\n\r\n`;
  const parts = files.flatMap(({ file }, index) => {
    const { filename, mimetype, bytes } = file;
    const facts = `; filename="${escape(filename)}"\r\ncontent-type: ${escape(mimetype)}`;
    return [Buffer.from(head(String(index), facts)), bytes, Buffer.from('\r\n')];
  });
  const body = Buffer.concat([
    Buffer.from(`${head('operations')}${json}\r\n${head('map')}${map}\r\n`),
    ...parts,
    Buffer.from(`--${boundary}--\r\n`),
  ]);
  return { body, contentType: `multipart/form-data; boundary=${boundary}` };
}

function* findFiles(value: unknown, path: string): Generator<PlacedFile> {
  if (value instanceof UploadedFile) yield { path, file: value };
  else if (typeof value === 'object' && value !== null) {
    for (const [name, inner] of Object.entries(value)) yield* findFiles(inner, `${path}.${name}`);
  }
}

/** Source: WHATWG HTML, §4.10.21.8: what would end a name is written by its number. */
function escape(text: string): string {
  return text.replaceAll('\r', '%0D').replaceAll('\n', '%0A').replaceAll('"', '%22');
}
