import { createHash } from 'node:crypto';

/** The texts that clients have sent with their hashes, and may ask for by the hash alone since. */
export interface PersistedQueries {
  find(hash: string): string | undefined;
  /** Whether a text has this SHA-256, in hexadecimal digits. */
  matches(hash: string, text: string): boolean;
  /** Keeps a text; those that were used least recently go when there is no room. */
  keep(hash: string, text: string): void;
}

/**
 * Makes an empty store.
 *
 * @param maxCharacters how much it holds at most. One text may take a sixteenth of it, so that no client empties it.
 */
export function createPersistedQueries(maxCharacters: number): PersistedQueries {
  const texts = new Map<string, string>();
  let characters = 0;

  function forget(hash: string, text: string): void {
    texts.delete(hash);
    characters -= text.length;
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
      characters += text.length;
      for (const [oldest, old] of texts) {
        if (characters <= maxCharacters) break;
        forget(oldest, old);
      }
    },
  };
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
