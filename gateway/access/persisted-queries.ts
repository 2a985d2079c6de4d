import { createHash } from 'node:crypto';

/** The texts that clients have sent with their hashes, and may ask for by the hash alone since. */
export interface PersistedQueries {
  find(hash: string): string | undefined;
  /** Whether a text has this SHA-256, in hexadecimal digits. */
  matches(hash: string, text: string): boolean;
  /** Keeps a text; those that were used least recently go when there is no room. */
  keep(hash: string, text: string): void;
}

/** What an entry takes up beside its texts, in characters of one byte, roughly: its place in the table, and two strings. */
const OVERHEAD_CHARACTERS = 128;

/**
 * Makes an empty store.
 *
 * @param maxCharacters how much it holds at most, hashes and the table's own share included: otherwise short texts would
 * cost next to nothing. One text may take a sixteenth of it, so that no client empties it.
 */
export function createPersistedQueries(maxCharacters: number): PersistedQueries {
  const texts = new Map<string, string>();
  let characters = 0;

  function forget(hash: string, text: string): void {
    texts.delete(hash);
    characters -= sizeOf(hash, text);
  }

  function find(hash: string): string | undefined {
    const text = texts.get(hash);
    if (text === undefined) return undefined;
    texts.delete(hash);
    texts.set(hash, text);
    return text;
  }

  return {
    find,
    matches: (hash, text) => find(hash) === text || hash === digestOf(text),
    keep(hash, text) {
      if (texts.has(hash) || text.length > maxCharacters / 16) return;
      texts.set(hash, text);
      characters += sizeOf(hash, text);
      for (const [oldest, old] of texts) {
        if (characters <= maxCharacters) break;
        forget(oldest, old);
      }
    },
  };
}

function sizeOf(hash: string, text: string): number {
  return OVERHEAD_CHARACTERS + hash.length + text.length;
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
