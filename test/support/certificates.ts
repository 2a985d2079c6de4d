import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram } from './find-program.js';

/** PEM files of one end of a TLS connection. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

/** An authority of the tests' own, and what it signed: all for 127.0.0.1, for two days. */
export interface Certificates {
  /** The file of the authority's certificate. */
  readonly authority: string;
  /** Makes a certificate and its key. */
  sign(name: string): Promise<CertificateFiles>;
  close(): Promise<void>;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Makes an authority with the program openssl. */
export async function createCertificates(): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), 'aegis-authority-'));
  // Servers that do not run as the tests do read from it.
  await chmod(folder, 0o755);
  const file = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => promisify(execFile)(findProgram('openssl') ?? 'openssl', args);
  const ca = ['-keyout', file('ca.key'), '-out', file('ca.pem')];
  await openssl('req', '-x509', ...NEW_KEY, '-days', '2', '-subj', '/CN=authority', ...ca);
  return {
    authority: file('ca.pem'),
    async sign(name) {
      const files = { certificate: file(`${name}.pem`), key: file(`${name}.key`) };
      const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
      await openssl('req', '-new', ...NEW_KEY, ...subject, '-keyout', files.key, '-out', file(`${name}.csr`));
      const signer = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial'];
      const more = ['-days', '2', '-copy_extensions', 'copy', '-out', files.certificate];
      await openssl('x509', '-req', '-in', file(`${name}.csr`), ...signer, ...more);
      await chmod(files.key, 0o644);
      return files;
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The text of a PEM file. */
export function readPem(path: string): Promise<string> {
  return readFile(path, 'utf8');
}
