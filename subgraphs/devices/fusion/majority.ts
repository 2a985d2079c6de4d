import type { AlignedInput, FuseInstant } from './fusion-step.js';

/** The most digits that every double carries; what lies behind them is the rounding of a product. */
const DIGITS = 15;

/**
 * Makes a fusion of states by vote. Readings are numbers, so a state is a number as well: each value is rounded to the
 * nearest multiple of `resolution`, and the state that more devices report than any other is taken. There is no value
 * when several share the lead.
 *
 * Shape: n inputs in, one estimate out; who reports another state is refused as OUTVOTED. Units: `resolution` and value
 * in the inputs' unit. Variance: the mean squared distance of all votes from the state, in unit²; it tells of
 * disagreement and is 0 when there is none.
 * Source: plurality voting as in Lorczak, Caglayan, Eckhardt, A theoretical investigation of generalized voters for
 * redundant systems (1989).
 */
export function createMajority({ resolution }: { readonly resolution: number }): FuseInstant {
  return (inputs) => {
    const votes = inputs.map((input) => ({ input, state: roundTo(input.value, resolution) }));
    const state = findLeader(votes.map((vote) => vote.state));
    const used = votes.filter((vote) => vote.state === state).map(({ input }) => input);
    const refused = votes
      .filter((vote) => vote.state !== state)
      .map(({ input: { deviceId, value } }) => ({ deviceId, value, reason: 'OUTVOTED' as const }));
    if (state === undefined) return { value: null, variance: null, used, refused };
    const squares = votes.reduce((sum, vote) => sum + (vote.state - state) ** 2, 0);
    return { value: state, variance: squares / votes.length, used, refused };
  };
}

function roundTo(value: AlignedInput['value'], resolution: number): number {
  const rounded = Number((Math.round(value / resolution) * resolution).toPrecision(DIGITS));
  // There is one zero among the states.
  return rounded === 0 ? 0 : rounded;
}

/** The value that is there more often than any other; undefined when there is none. */
function findLeader(states: readonly number[]): number | undefined {
  const counts = new Map<number, number>();
  for (const state of states) counts.set(state, (counts.get(state) ?? 0) + 1);
  const most = Math.max(...counts.values());
  const leaders = [...counts].filter(([, count]) => count === most);
  return leaders.length === 1 ? leaders[0]?.[0] : undefined;
}
