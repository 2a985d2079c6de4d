import { createHash } from 'node:crypto';
import { print, type DocumentNode } from 'graphql';
import { LruMap } from './lru-map.js';

/** What was made once for an operation and is used for each request of it. */
export interface OperationCache<Operation> {
  get(document: DocumentNode, operationName: string | undefined): Operation;
  readonly size: number;
}

export interface OperationCacheOptions<Operation> {
  /** How many operations are kept. */
  readonly capacity: number;
  /** Operations whose text is longer are made anew each time: a few of them would fill the memory. */
  readonly maxCharacters: number;
  readonly make: (document: DocumentNode, operationName: string | undefined) => Operation;
}

/**
 * Keeps operations. A document object that was seen before is recognised by identity; the same text in another object
 * (another transport, another formatting) by its printed form.
 */
export function createOperationCache<Operation>({
  capacity,
  maxCharacters,
  make,
}: OperationCacheOptions<Operation>): OperationCache<Operation> {
  /** Of the printed form of each document; undefined of those that are too long to be kept. */
  const digests = new WeakMap<DocumentNode, { readonly digest: string | undefined }>();
  const operations = new LruMap<string, { readonly operation: Operation }>(capacity);

  function digestOf(document: DocumentNode): string | undefined {
    const known = digests.get(document);
    if (known) return known.digest;
    const text = print(document);
    const digest = text.length <= maxCharacters ? digestOfText(text) : undefined;
    digests.set(document, { digest });
    return digest;
  }

  return {
    get(document, operationName) {
      const digest = digestOf(document);
      if (digest === undefined) return make(document, operationName);
      const key = `${digest} ${operationName ?? ''}`;
      const found = operations.get(key);
      if (found) return found.operation;
      const operation = make(document, operationName);
      operations.set(key, { operation });
      return operation;
    },
    get size() {
      return operations.size;
    },
  };
}

/** Texts are long, and many; no two of them have one SHA-256. */
function digestOfText(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}
