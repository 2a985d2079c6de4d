/** What a test file has opened so far: when opening fails half-way, only that much is closed, and the first error shows. */
export interface Opened {
  /** Remembers to close it, and gives it back. */
  keep<T extends { close(): Promise<unknown> }>(part: T): T;
  /** Closes everything that is kept, the newest first, also when closing one of them fails; for `afterEach`, `afterAll`. */
  close(): Promise<void>;
}

/** How long `beforeAll` may take to open a database, in milliseconds: the machine may be busy with other test files. */
export const OPEN_DEADLINE_MS = 90_000;

/** Makes the list of what is to be closed. */
export function createOpened(): Opened {
  const parts: { close(): Promise<unknown> }[] = [];
  return {
    keep(part) {
      parts.push(part);
      return part;
    },
    async close() {
      const failures: unknown[] = [];
      for (const part of parts.splice(0).reverse()) {
        await part.close().catch((error: unknown) => failures.push(error));
      }
      if (failures.length > 0) throw failures[0];
    },
  };
}
