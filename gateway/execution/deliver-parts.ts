import { GraphQLError } from 'graphql';
import type { Deferral } from './deferral.js';
import type { CompletedPart, DeferredPart } from './incremental-result.js';
import { createProblems } from './problems.js';
import { shapePart, type DeferredPlace, type PartInput, type ShapedResponse } from './shape-response.js';

/** What the parts of one response are shaped from. */
export interface PartsSource extends Omit<PartInput, 'place' | 'problems'> {
  readonly deferral: Deferral;
  /** The client's labels by those of the plan. */
  readonly labels: ReadonlyMap<string, string | undefined>;
  /** What had gone wrong when the first part of the response came. */
  readonly problems: PartInput['problems'];
}

/** A place at which a part is still to come, and what it is announced as. */
interface Expected {
  readonly place: DeferredPlace;
  readonly part: DeferredPart;
}

/** Announces parts. */
export function announce(
  places: readonly DeferredPlace[],
  { labels }: Pick<PartsSource, 'labels'>,
): readonly Expected[] {
  return places.map((place) => ({
    place,
    part: { label: labels.get(place.part.label), path: place.path },
  }));
}

/**
 * Yields parts as their fetches end: all places of those that have ended meanwhile at a time.
 *
 * @param close called once, when no more parts are wanted, or none is left.
 */
export function deliverParts(
  first: readonly Expected[],
  source: PartsSource,
  close: () => void,
): AsyncIterableIterator<readonly CompletedPart[]> {
  const expected = new Set(first);

  function complete({ place, part }: Expected, failure: unknown): CompletedPart {
    if (failure !== undefined) return { part, data: null, errors: [toMasked(failure)], announces: [] };
    const { data, errors, deferred } = shapeAt(place, source);
    const inside = announce(deferred, source);
    for (const one of inside) expected.add(one);
    return { part, data, errors, announces: inside.map((one) => one.part) };
  }

  return {
    async next() {
      if (expected.size === 0) {
        close();
        return { value: undefined, done: true };
      }
      await Promise.race([...expected].map(({ place }) => outcomeOf(place, source)));
      const ended = await findEnded([...expected], source);
      for (const [one] of ended) expected.delete(one);
      return { value: ended.map(([one, { failure }]) => complete(one, failure)), done: false };
    },
    return() {
      expected.clear();
      close();
      return Promise.resolve({ value: undefined, done: true });
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

interface Outcome {
  /** What broke the part off; undefined when its fetches have ended, in whichever way. */
  readonly failure: unknown;
}

/** A part for which the plan fetches nothing is there already. */
function outcomeOf({ part }: DeferredPlace, { deferral }: PartsSource): Promise<Outcome> {
  const done = deferral.parts.get(part.label)?.done ?? Promise.resolve();
  return done.then(
    () => ({ failure: undefined }),
    (failure: unknown) => ({ failure }),
  );
}

/** Those that have ended, or do so in this turn: they go together. */
async function findEnded(
  expected: readonly Expected[],
  source: PartsSource,
): Promise<readonly (readonly [Expected, Outcome])[]> {
  const notYet = new Promise<undefined>((resolve) => {
    setImmediate(resolve, undefined);
  });
  const outcomes = await Promise.all(
    expected.map(({ place }) => Promise.race([outcomeOf(place, source), notYet])),
  );
  return expected.flatMap((one, index) => {
    const outcome = outcomes[index];
    return outcome ? [[one, outcome] as const] : [];
  });
}

function shapeAt(place: DeferredPlace, { deferral, problems, ...source }: PartsSource): ShapedResponse {
  const running = deferral.parts.get(place.part.label);
  // Without fetches of its own, nothing has gone wrong but what was told before.
  return shapePart({ ...source, problems: running?.problems ?? createProblems(problems), place });
}

/** What nobody foresaw is masked on its way out. */
function toMasked(failure: unknown): GraphQLError {
  const originalError = failure instanceof Error ? failure : new Error(String(failure));
  return new GraphQLError(originalError.message, { originalError });
}
