import { z } from 'zod';
import type { GlobalState } from '../metrics/describe-metrics.js';
import { MOST_PHI_BITS } from '../metrics/most-phi-bits.js';
import { robustZ } from '../watch/robust-z.js';
import type { ReportedNumbers } from './wire-format.js';

/** What came of one check of a report. */
export const validationCheck = z.object({
  check: z.enum(['RANGE', 'FRESHNESS', 'OWN_SIGNAL', 'NEIGHBOURS', 'NETWORK']),
  outcome: z.enum(['PASSED', 'FAILED', 'NOTED', 'NOT_POSSIBLE']),
  message: z.string(),
});

export type ValidationCheck = Readonly<z.infer<typeof validationCheck>>;

/** The numbers of one node; null where there is none. */
export type OwnNumbers = Readonly<Record<OwnName, number | null>>;

type OwnName = 'phi' | 'coherence' | 'stability' | 'divergence' | 'level';

/** A report, and what it is held against. */
export interface Evidence {
  readonly numbers: ReportedNumbers;
  readonly reportedAt: Date;
  readonly receivedAt: Date;
  /** What the node's own signal gives now; undefined when it has none. */
  readonly own: OwnNumbers | undefined;
  /** What its neighbours on the graph have now, or have reported. */
  readonly neighbours: readonly OwnNumbers[];
  /** What the network as a whole has now; undefined when it was not measured just now. */
  readonly network: GlobalState | undefined;
  /**
   * Whether the generator feeds a node now. What is measured here is then of its oscillators, all numbers of all nodes, and is nothing to
   * hold a report against: `own` and `network` are undefined, and neighbours have only what they reported.
   */
  readonly generated: boolean;
}

const OWN_NAMES: readonly OwnName[] = ['phi', 'coherence', 'stability', 'divergence', 'level'];
const SHARES = [
  ...['coherence', 'stability', 'divergence', 'level'],
  ...['networkCoherence', 'collectiveAwareness', 'systemHealth'],
] as const;

const OLDEST_MS = 30_000;
/** For how long numbers are good to compare with, in milliseconds. */
export const COMPARABLE_MS = 30_000;
/** Clocks differ. */
const AHEAD_MS = 5_000;
const TOLERANCE = 0.15;
const PHI_TOLERANCE_BITS = 0.25;
const PHI_TOLERANCE_SHARE = 0.3;
/** A node may take the coherence of one instant; here it is averaged over the window. */
const NETWORK_TOLERANCE = 0.25;
const FEWEST_NEIGHBOURS = 3;
const OUTLIER_Z = 3.5;
/** Why a report is not held against what is measured while the generator runs. */
const GENERATED = 'the built-in generator feeds the network, so what is measured here is simulated';
/** Neighbours that agree more closely than this do not make the next one an outlier. */
const LEAST_SPREAD = 0.02;

/** How each check is made, for people. */
export const VALIDATION_RULES: readonly {
  readonly check: ValidationCheck['check'];
  readonly description: string;
}[] = [
  {
    check: 'RANGE',
    description: `Coherence, stability, divergence, level and the three of the network lie between 0 and 1, φ between −${MOST_PHI_BITS} and ${MOST_PHI_BITS} bits.`,
  },
  {
    check: 'FRESHNESS',
    description: `It was measured at most ${OLDEST_MS / 1_000} s before it came, and at most ${AHEAD_MS / 1_000} s ahead of our clock.`,
  },
  {
    check: 'OWN_SIGNAL',
    description: `Each of the node’s numbers lies within ${TOLERANCE} of what its own signal gives here, φ within ${PHI_TOLERANCE_BITS} bits or ${100 * PHI_TOLERANCE_SHARE} %. Not possible while the node has no signal here, or the generator feeds any node.`,
  },
  {
    check: 'NEIGHBOURS',
    description: `No number lies more than ${OUTLIER_Z} robust deviations (by the median absolute deviation, ${LEAST_SPREAD} at least) off the median of its neighbours on the graph, of which there must be ${FEWEST_NEIGHBOURS}. Noted only where the node’s own signal bears the report out. While the generator feeds any node, only what neighbours have reported is compared with.`,
  },
  {
    check: 'NETWORK',
    description: `What it says of the network lies within ${NETWORK_TOLERANCE} of what was measured here within ${COMPARABLE_MS / 1_000} s: its coherence, its collective awareness and its health. Only coherence fails it, which is computed from signals alone; the other two rest on reports and are noted. Not possible while the network is not measured, or the generator feeds any node.`,
  },
];

/**
 * Checks a report from all sides. It is valid when none of the checks has failed.
 *
 * Source of the outlier rule: Iglewicz and Hoaglin, How to Detect and Handle Outliers (1993), modified z-score above 3.5.
 */
export function validateReport(evidence: Evidence): readonly ValidationCheck[] {
  const own = checkOwnSignal(evidence);
  const neighbours = checkNeighbours(evidence);
  const isBorneOut = own.outcome === 'PASSED' && neighbours.outcome === 'FAILED';
  return [
    checkRange(evidence),
    checkFreshness(evidence),
    own,
    isBorneOut ? { ...neighbours, outcome: 'NOTED' } : neighbours,
    checkNetwork(evidence),
  ];
}

function checkRange({ numbers }: Evidence): ValidationCheck {
  const beyond = SHARES.filter((name) => !(numbers[name] >= 0 && numbers[name] <= 1)).map(
    (name) => `${name} between 0 and 1, got ${numbers[name]}`,
  );
  if (Math.abs(numbers.phi) > MOST_PHI_BITS) {
    beyond.push(`phi between −${MOST_PHI_BITS} and ${MOST_PHI_BITS} bits, got ${numbers.phi}`);
  }
  return conclude('RANGE', beyond, 'every number lies where it can lie');
}

function checkFreshness({ reportedAt, receivedAt }: Evidence): ValidationCheck {
  const ageMs = receivedAt.getTime() - reportedAt.getTime();
  const isFresh = ageMs <= OLDEST_MS && ageMs >= -AHEAD_MS;
  const age = `${Math.round(Math.abs(ageMs)) / 1_000} s ${ageMs < 0 ? 'ahead of our clock' : 'old'}`;
  const expected = `an age of at most ${OLDEST_MS / 1_000} s, and at most ${AHEAD_MS / 1_000} s ahead, got one ${age}`;
  return conclude('FRESHNESS', isFresh ? [] : [expected], `it was ${age} when it came`);
}

function checkOwnSignal({ numbers, own, generated }: Evidence): ValidationCheck {
  const known = OWN_NAMES.filter((name) => own?.[name] != null);
  if (!own || known.length === 0) {
    const message = 'the node has no signal here that its numbers could be computed from';
    return { check: 'OWN_SIGNAL', outcome: 'NOT_POSSIBLE', message: generated ? GENERATED : message };
  }
  const off = known.flatMap((name) => {
    const computed = own[name] ?? 0;
    const tolerance =
      name === 'phi' ? Math.max(PHI_TOLERANCE_BITS, PHI_TOLERANCE_SHARE * Math.abs(computed)) : TOLERANCE;
    const isNear = Math.abs(numbers[name] - computed) <= tolerance;
    return isNear
      ? []
      : [`${name} within ${show(tolerance)} of ${show(computed)}, got ${show(numbers[name])}`];
  });
  return conclude('OWN_SIGNAL', off, `${known.join(', ')} are as the node’s own signal gives them`);
}

function checkNeighbours({ numbers, neighbours, generated }: Evidence): ValidationCheck {
  const judged = OWN_NAMES.flatMap((name) => {
    const values = neighbours.flatMap((neighbour) => neighbour[name] ?? []);
    if (values.length < FEWEST_NEIGHBOURS) return [];
    const { z, median } = robustZ(numbers[name], values, LEAST_SPREAD);
    return [{ name, z, median }];
  });
  if (judged.length === 0) {
    const few = `fewer than ${FEWEST_NEIGHBOURS} neighbours have`;
    const message = generated ? `${GENERATED}, and ${few} reported` : `${few} numbers to compare with`;
    return { check: 'NEIGHBOURS', outcome: 'NOT_POSSIBLE', message };
  }
  const off = judged
    .filter(({ z }) => Math.abs(z) > OUTLIER_Z)
    .map(
      ({ name, z, median }) =>
        `${name} near the neighbours’ median ${show(median)}, got ${show(numbers[name])}, ${show(z)} robust deviations off`,
    );
  return conclude('NEIGHBOURS', off, 'no number stands out from those of the neighbours');
}

/**
 * Whether a node sees the network as it was measured here. Health and awareness here depend on which reports are believed: were
 * they to fail a report, one doubted node would draw all others after it.
 */
function checkNetwork({ numbers, network, generated }: Evidence): ValidationCheck {
  const names = ['networkCoherence', 'collectiveAwareness', 'systemHealth'] as const;
  const known = names.filter((name) => network?.[name] != null);
  if (!network || known.length === 0) {
    const message = 'the network has not been measured here just now';
    return { check: 'NETWORK', outcome: 'NOT_POSSIBLE', message: generated ? GENERATED : message };
  }
  const off = known.filter((name) => Math.abs(numbers[name] - (network[name] ?? 0)) > NETWORK_TOLERANCE);
  const mistakes = off.map(
    (name) =>
      `${name} within ${NETWORK_TOLERANCE} of ${show(network[name] ?? 0)}, got ${show(numbers[name])}`,
  );
  const check = conclude('NETWORK', mistakes, `${known.join(', ')} are as they were measured here`);
  const isOnlyNoted = check.outcome === 'FAILED' && !off.includes('networkCoherence');
  return isOnlyNoted ? { ...check, outcome: 'NOTED' } : check;
}

function conclude(
  check: ValidationCheck['check'],
  mistakes: readonly string[],
  good: string,
): ValidationCheck {
  if (mistakes.length === 0) return { check, outcome: 'PASSED', message: good };
  return { check, outcome: 'FAILED', message: `expected ${mistakes.join('; ')}` };
}

function show(value: number): string {
  return String(Number(value.toPrecision(3)));
}
