import { unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';

export interface WatchOptions {
  /** How often the file is looked at, in milliseconds. By asking, since file systems in containers do not always tell. */
  readonly everyMs: number;
  /** Told of each text that the file has had since, never of the same twice. */
  readonly onText: (text: string) => void;
  readonly onError: (error: unknown) => void;
}

/** Watches a file whose text is known; the returned function ends it. */
export function watchText(
  file: string,
  text: string,
  { everyMs, onText, onError }: WatchOptions,
): () => void {
  let known = text;

  async function look(): Promise<void> {
    const found = await readFile(file, 'utf8');
    // Seen while somebody writes it: the rest is a change of its own.
    if (found === known || found === '') return;
    known = found;
    onText(found);
  }

  const onChange = () => {
    look().catch(onError);
  };
  watchFile(file, { interval: everyMs, persistent: false }, onChange);
  return () => {
    unwatchFile(file, onChange);
  };
}
