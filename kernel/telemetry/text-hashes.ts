import { createHash } from 'node:crypto';

/** Finds the SHA-256 of texts, in hexadecimal. */
export type TextHashes = (owner: object, text: string) => string;

/** Hashes each text once for as long as its owner is there: what it belongs to, such as a document. */
export function createTextHashes(): TextHashes {
  const hashes = new WeakMap<object, string>();
  return (owner, text) => {
    const known = hashes.get(owner) ?? createHash('sha256').update(text).digest('hex');
    hashes.set(owner, known);
    return known;
  };
}
