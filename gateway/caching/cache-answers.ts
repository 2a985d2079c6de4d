import { OperationTypeNode } from 'graphql';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import { untilAborted } from '../../kernel/lifecycle/until-aborted.js';
import type { SubgraphRequest, SubgraphResponse, Transport } from '../transports/transport.js';
import { slotsOf } from './answer-slots.js';
import { createAskAndKeep, type AskAndKeepOptions, type SlottedRequest } from './ask-and-keep.js';
import { createCacheKeysOf } from './cache-keys.js';
import type { CacheEntry } from './cache-store.js';
import type { Claim } from './claims.js';
import { composeAnswer, type AskedSlots } from './compose-answer.js';

export interface CacheAnswersOptions extends AskAndKeepOptions {
  /** How long a fetch in the background may take, in milliseconds. */
  readonly refreshTimeoutMs: number;
}

/** A request, and what was found of its answer. */
interface Looked extends SlottedRequest {
  readonly found: readonly (CacheEntry | undefined)[];
}

type Kept = Map<number, CacheEntry>;

/**
 * A transport that keeps what its subgraph allows to be kept: each entity by itself, and root fields as a whole. It asks for
 * those entities alone that are not there, and once for all who miss the same at one time. Mutations and subscriptions pass.
 *
 * While the subgraph cannot be asked, what it allowed to be given out stale is; the rest fails alone.
 *
 * Source: RFC 9111, §4; RFC 5861.
 */
export function cacheAnswers(transport: Transport, options: CacheAnswersOptions): Transport {
  const { store, now, refreshTimeoutMs } = options;
  const count = countBy(options);
  const keysOf = createCacheKeysOf(options.subgraph);
  const asker = createAskAndKeep(transport, options);

  async function look(request: SubgraphRequest): Promise<Looked> {
    const slots = slotsOf(request, keysOf(request));
    const own = slots.flatMap((slot) => slot.private ?? []);
    const entries = await store.getMany([...slots.map((slot) => slot.public), ...own]);
    const found = slots.map((_slot, index) => entries[index] ?? entries[slots.length + index]);
    return { request, slots, found };
  }

  /** Waits for what others are asking for; what came to nothing there is asked for here. */
  async function join(looked: Looked, joined: ReadonlyMap<number, Claim>, kept: Kept): Promise<AskedSlots[]> {
    const waiting = [...joined].map(async ([index, { entry }]) => {
      const got = await entry;
      if (got) kept.set(index, got);
    });
    await untilAborted(Promise.all(waiting), looked.request.signal);
    const left = [...joined.keys()].filter((index) => !kept.has(index));
    return left.length > 0 ? [await asker.ask(looked, left)] : [];
  }

  async function fill(looked: Looked, missing: readonly number[], kept: Kept): Promise<SubgraphResponse> {
    const joined = new Map<number, Claim>();
    for (const index of missing) {
      const other = asker.findOther(looked, index);
      if (other) joined.set(index, other);
    }
    const own = missing.filter((index) => !joined.has(index));
    count('joined', joined.size);
    count('miss', own.length);
    const parts = await Promise.all([
      own.length > 0 ? asker.ask(looked, own) : [],
      joined.size > 0 ? join(looked, joined, kept) : [],
    ]);
    return finish(looked, kept, parts.flat());
  }

  /** In place of what could not be had, what may be given out then. Errors: when nothing else is left of the answer. */
  function finish(
    { request, slots, found }: Looked,
    kept: Kept,
    asked: readonly AskedSlots[],
  ): SubgraphResponse {
    const at = now();
    const left: AskedSlots[] = [];
    for (const { indexes, outcome } of asked) {
      const whole = indexes.length === slots.length;
      if ('response' in outcome) {
        if (whole) return outcome.response;
        left.push({ indexes, outcome });
        continue;
      }
      const { error } = outcome;
      const failed = indexes.filter((index) => !keepStale(index, found[index], kept, at));
      count('stale', indexes.length - failed.length);
      const isAlone = whole && failed.length === slots.length;
      if (isAlone || !(error instanceof AegisError) || request.signal.aborted) throw error;
      left.push({ indexes: failed, outcome });
    }
    const isRoot = request.representations === undefined;
    return composeAnswer({ isRoot, size: slots.length, kept, asked: left, now: at });
  }

  /** Fetches anew what was given out stale; who asked does not wait, and may leave. */
  function refresh(looked: Looked, stale: readonly number[]): void {
    const due = stale.filter((index) => !asker.findOther(looked, index));
    if (due.length === 0) return;
    const request = { ...looked.request, signal: AbortSignal.timeout(refreshTimeoutMs) };
    void asker.ask({ ...looked, request }, due);
  }

  return {
    ...transport,
    async execute(request) {
      if (request.operation.kind !== OperationTypeNode.QUERY) return transport.execute(request);
      const looked = await look(request);
      const { kept, stale, missing } = sort(looked.found, now());
      count('hit', kept.size - stale.length);
      count('stale', stale.length);
      if (stale.length > 0) refresh(looked, stale);
      return missing.length > 0 ? fill(looked, missing, kept) : finish(looked, kept, []);
    },
  };
}

/** Counts what was looked for. */
function countBy({ metrics, subgraph: { name: subgraph } }: CacheAnswersOptions) {
  return (outcome: 'hit' | 'stale' | 'joined' | 'miss', times: number): void => {
    if (times > 0) metrics.lookups.inc({ subgraph, outcome }, times);
  };
}

/** What may be given out, which of it should be fetched anew, and what is not there. */
function sort(
  found: readonly (CacheEntry | undefined)[],
  at: number,
): { readonly kept: Kept; readonly stale: number[]; readonly missing: number[] } {
  const kept: Kept = new Map();
  const stale: number[] = [];
  const missing: number[] = [];
  for (const [index, entry] of found.entries()) {
    if (!entry || Math.max(entry.freshUntil, entry.revalidateUntil) <= at) missing.push(index);
    else {
      kept.set(index, entry);
      if (entry.freshUntil <= at) stale.push(index);
    }
  }
  return { kept, stale, missing };
}

/** Whether an entry is there that may be given out because no new one can be had. */
function keepStale(index: number, entry: CacheEntry | undefined, kept: Kept, at: number): boolean {
  if (!entry || entry.errorUntil <= at) return false;
  kept.set(index, entry);
  return true;
}
