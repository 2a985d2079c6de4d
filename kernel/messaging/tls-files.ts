import { readFile } from 'node:fs/promises';
import { AegisError } from '../errors/aegis-error.js';

/** Where the certificates of a TLS connection are, as paths of PEM files. */
export interface TlsFiles {
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  /** Of the authority that signed the other side's certificates. */
  readonly authority?: string | undefined;
}

/** What the files hold, by the names that TLS has for them. */
export interface TlsMaterial {
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly ca?: Buffer;
}

/** Reads the files. Errors: BAD_USER_INPUT that names the file which cannot be read. */
export async function readTlsFiles({ certificate, key, authority }: TlsFiles): Promise<TlsMaterial> {
  return {
    ...(certificate === undefined ? {} : { cert: await read(certificate) }),
    ...(key === undefined ? {} : { key: await read(key) }),
    ...(authority === undefined ? {} : { ca: await read(authority) }),
  };
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new AegisError('BAD_USER_INPUT', `expected a PEM file at ${path}, which cannot be read.`, {
      cause: error,
    });
  }
}
