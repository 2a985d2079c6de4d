import type { GraphQLSchema } from 'graphql';
import type { PreparedOperation } from './prepared-operation.js';
import { findUsedCoordinates } from './used-coordinates.js';

/** How often operations are executed, and so the places of the schema that they name. */
export interface OperationUsage {
  /** When the counting began. */
  readonly since: Date;
  /** Counts one execution: a look into a table, whatever the operation's size. */
  count(operation: PreparedOperation, schema: GraphQLSchema): void;
  /** By schema coordinate, in how many executions it was named. Added up in several turns of the event loop. */
  totals(): Promise<ReadonlyMap<string, number>>;
  /** The operations that were executed most, first to last, since another supergraph was taken. */
  hottest(limit: number): readonly PreparedOperation[];
  /** Has another operation take the place of one in {@link hottest}, in another supergraph. */
  inherit(next: PreparedOperation, schema: GraphQLSchema, previous: PreparedOperation): void;
  /** Lets go of the operations of former supergraphs; what they named stays counted. */
  forget(schema: GraphQLSchema): void;
}

interface Entry {
  /** Weak, for the caches of its generation decide how long it is kept. */
  readonly operation: WeakRef<PreparedOperation>;
  /** Undefined once it is a former one: it would be kept in memory. */
  schema: GraphQLSchema | undefined;
  readonly coordinates: readonly string[];
  /** Executions that are not in the totals yet. */
  count: number;
  /** Executions that make it hot, those in the totals too. */
  heat: number;
}

/** How many operations are told apart; the counts of the oldest are added up. */
const MAX_ENTRIES = 10_000;
/** How many of them are added up in one turn of the event loop: a millisecond or two. */
const ENTRIES_PER_TURN = 500;

/** Starts counting. What is counted is bounded by the schema, and by {@link MAX_ENTRIES} operations. */
export function createOperationUsage({ now = () => new Date() }: { now?: () => Date } = {}): OperationUsage {
  const since = now();
  const sums = new Map<string, number>();
  const entries = new WeakMap<PreparedOperation, Entry>();
  const known = new Set<Entry>();

  function addUp(entry: Entry): void {
    if (entry.count === 0) return;
    for (const coordinate of entry.coordinates) {
      sums.set(coordinate, (sums.get(coordinate) ?? 0) + entry.count);
    }
    entry.count = 0;
  }

  function drop(entry: Entry): void {
    addUp(entry);
    known.delete(entry);
    const operation = entry.operation.deref();
    if (operation) entries.delete(operation);
  }

  function enter(operation: PreparedOperation, schema: GraphQLSchema): Entry {
    const [oldest] = known;
    if (oldest && known.size >= MAX_ENTRIES) drop(oldest);
    const coordinates = findUsedCoordinates(operation.document, schema);
    const entry: Entry = { operation: new WeakRef(operation), schema, coordinates, count: 0, heat: 0 };
    entries.set(operation, entry);
    known.add(entry);
    return entry;
  }

  return {
    since,
    count(operation, schema) {
      const entry = entries.get(operation) ?? enter(operation, schema);
      entry.count += 1;
      entry.heat += 1;
    },
    async totals() {
      let added = 0;
      for (const entry of [...known]) {
        addUp(entry);
        added += 1;
        if (added % ENTRIES_PER_TURN === 0) await new Promise(setImmediate);
      }
      return sums;
    },
    hottest: (limit) =>
      [...known]
        .filter(({ schema, operation }) => schema !== undefined && operation.deref() !== undefined)
        .sort((one, other) => other.heat - one.heat)
        .slice(0, limit)
        .flatMap(({ operation }) => operation.deref() ?? []),
    inherit(next, schema, previous) {
      // Halved, so that what nobody asks for any more cools down.
      const heat = (entries.get(previous)?.heat ?? 0) / 2;
      (entries.get(next) ?? enter(next, schema)).heat += heat;
    },
    forget(schema) {
      for (const entry of known) {
        if (entry.schema !== schema) entry.schema = undefined;
      }
    },
  };
}
