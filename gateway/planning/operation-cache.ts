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
  const keys = new WeakMap<DocumentNode, string>();
  const operations = new LruMap<string, { readonly operation: Operation }>(capacity);

  function keyOf(document: DocumentNode, operationName: string | undefined): string {
    const text = keys.get(document) ?? print(document);
    if (text.length <= maxCharacters) keys.set(document, text);
    return `${operationName ?? ''}\n${text}`;
  }

  return {
    get(document, operationName) {
      const key = keyOf(document, operationName);
      const found = operations.get(key);
      if (found) return found.operation;
      const operation = make(document, operationName);
      if (key.length <= maxCharacters) operations.set(key, { operation });
      return operation;
    },
    get size() {
      return operations.size;
    },
  };
}
