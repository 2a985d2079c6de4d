import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Busboy, type BusboyHeaders } from '@fastify/busboy';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import { UploadedFile } from '../../kernel/graphql/uploaded-file.js';

/** How much of files one request may bring; they are held in memory until they are passed on. */
export interface UploadLimits {
  /** 0 takes no files at all. */
  readonly maxFiles: number;
  readonly maxFileBytes: number;
  /** The largest part that is no file, in bytes. */
  readonly maxBodyBytes: number;
}

/** The parts of a request as they came. */
interface Parts {
  readonly fields: ReadonlyMap<string, string>;
  readonly files: ReadonlyMap<string, UploadedFile>;
}

/**
 * Reads an operation, or a list of them, with the files in their variables.
 *
 * Source: GraphQL multipart request specification (github.com/jaydenseric/graphql-multipart-request-spec).
 *
 * Errors: BAD_USER_INPUT; PAYLOAD_TOO_LARGE.
 */
export async function readMultipart(
  headers: IncomingHttpHeaders,
  payload: Readable,
  limits: UploadLimits,
): Promise<unknown> {
  const { fields, files } = await readParts(headers, payload, limits);
  const operations = parseField(fields, 'operations');
  const map = parseField(fields, 'map');
  for (const [name, paths] of Object.entries(map)) {
    const file = files.get(name);
    if (!file) throw wrong(`expected the file ${JSON.stringify(name)} that the map names, got none.`);
    for (const path of Array.isArray(paths) ? (paths as unknown[]) : [paths]) place(operations, path, file);
  }
  return operations;
}

async function readParts(
  headers: IncomingHttpHeaders,
  payload: Readable,
  { maxFiles, maxFileBytes, maxBodyBytes }: UploadLimits,
): Promise<Parts> {
  const fields = new Map<string, string>();
  const files = new Map<string, UploadedFile>();
  const reading: Promise<void>[] = [];
  let refusal: AegisError | undefined;
  const refuse = (error: AegisError) => {
    refusal ??= error;
  };
  const parser = new Busboy({
    headers: headers as BusboyHeaders,
    limits: { files: maxFiles, fileSize: maxFileBytes, fieldSize: maxBodyBytes, fields: 2 },
  });
  parser.on('field', (name, value, _nameTruncated, isTruncated) => {
    if (isTruncated) refuse(tooLarge(`${maxBodyBytes} bytes in ${JSON.stringify(name)}`));
    fields.set(name, value);
  });
  parser.on('filesLimit', () => {
    refuse(tooLarge(`${maxFiles} files`));
  });
  parser.on('file', (name, stream, filename, encoding, mimetype) => {
    const read = readFile(stream).then((bytes) => {
      if (stream.truncated) refuse(tooLarge(`${maxFileBytes} bytes in one file`));
      files.set(name, new UploadedFile({ filename, encoding, mimetype, bytes }));
    });
    // What breaks off a file breaks off the whole.
    read.catch(() => undefined);
    reading.push(read);
  });
  try {
    await pipeline(payload, parser);
    await Promise.all(reading);
  } catch (error) {
    throw refusal ?? wrong(`expected a multipart body, but: ${String(error)}`);
  }
  if (refusal) throw refusal;
  return { fields, files };
}

async function readFile(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function parseField(fields: ReadonlyMap<string, string>, name: string): Record<string, unknown> {
  const text = fields.get(name);
  if (text === undefined) throw wrong(`expected the part ${name}, got none.`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw wrong(`expected JSON in the part ${name}, got something else.`);
}

/** Puts a file where the map says, such as `variables.files.0`, in the place of a null. */
function place(operations: Record<string, unknown>, path: unknown, file: UploadedFile): void {
  const names = String(path).split('.');
  const last = names.pop() ?? '';
  let object: unknown = operations;
  for (const name of names) object = memberOf(object, name);
  if (memberOf(object, last) !== null)
    throw wrong(`expected null at ${JSON.stringify(path)}, where the map puts a file.`);
  (object as Record<string, unknown>)[last] = file;
}

/** Undefined for what an object only inherits. */
function memberOf(object: unknown, name: string): unknown {
  if (typeof object !== 'object' || object === null || !Object.hasOwn(object, name)) return undefined;
  return (object as Record<string, unknown>)[name];
}

function wrong(message: string): AegisError {
  return new AegisError('BAD_USER_INPUT', message);
}

function tooLarge(most: string): AegisError {
  return new AegisError('PAYLOAD_TOO_LARGE', `expected at most ${most}, got more.`);
}
