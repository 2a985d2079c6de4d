import { readFile } from 'node:fs/promises';
import type { Logger } from '../../kernel/telemetry/logger.js';
import { watchText } from '../supergraph/watch-file.js';
import { readTrustedDocuments, type TrustedDocuments } from './trusted-documents.js';

/** The trusted documents of a file as it is now. */
export interface WatchedTrustedDocuments extends TrustedDocuments {
  onChange(listener: () => void): () => void;
  close(): void;
}

export interface WatchTrustedDocumentsOptions {
  readonly file: string;
  /** How often the file is looked at, in milliseconds. */
  readonly everyMs: number;
  readonly logger: Logger;
}

/**
 * Reads a manifest and goes with its changes. One that cannot be read later is said in the log, and the documents stay as
 * they are.
 *
 * Errors: TrustedDocumentsInvalid, or that of the file system, when it cannot be read at first.
 */
export async function watchTrustedDocuments({
  file,
  everyMs,
  logger,
}: WatchTrustedDocumentsOptions): Promise<WatchedTrustedDocuments> {
  const text = await readFile(file, 'utf8');
  let current = readTrustedDocuments(text);
  const listeners = new Set<() => void>();

  function keep(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    logger.error({ file, reason }, 'the trusted documents are refused and stay as they are');
  }

  const close = watchText(file, text, {
    everyMs,
    onText(next) {
      try {
        current = readTrustedDocuments(next);
        logger.info({ file, documents: current.list().length }, 'took other trusted documents');
        for (const listener of listeners) listener();
      } catch (error) {
        keep(error);
      }
    },
    onError: keep,
  });
  return {
    find: (id) => current.find(id),
    findByText: (given) => current.findByText(given),
    list: () => current.list(),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close,
  };
}
