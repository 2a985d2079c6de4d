import { DutyLost } from '../../duties/registry.js';

/** Does the work of each fusion apart from that of the others. */
export interface Apart {
  /** `otherwise` is what comes of work that fails; it may be tried again. Errors: {@link DutyLost} alone. */
  attempt<T>(id: string, work: () => Promise<T>, otherwise: T): Promise<T>;
  /** Forgets all fusions but these. */
  keepOnly(ids: ReadonlySet<string>): void;
}

/** Makes it. `tell` hears of a failure once, until the fusion goes well again. */
export function createApart(
  tell: (failure: { readonly id: string; readonly error: unknown }) => void,
): Apart {
  const failing = new Set<string>();
  return {
    async attempt(id, work, otherwise) {
      try {
        const done = await work();
        failing.delete(id);
        return done;
      } catch (error) {
        if (error instanceof DutyLost) throw error;
        if (!failing.has(id)) tell({ id, error });
        failing.add(id);
        return otherwise;
      }
    },
    keepOnly(ids) {
      for (const id of failing) if (!ids.has(id)) failing.delete(id);
    },
  };
}
