import type { MemorySample } from './memory-samples.js';
import { fitSlope, type Slope } from './slope.js';
import type { Tally } from './tally.js';
import type { WatchedGateway } from './watched-gateway.js';

/** Everything that a soak has found. */
export interface SoakFindings {
  readonly minutes: number;
  readonly tally: Tally;
  readonly gateway: WatchedGateway;
  /** What it ended with before it was asked to; undefined when it ran to the end. */
  readonly endedEarly: string | undefined;
  /** Of the stop; undefined when it had to be killed. */
  readonly exitCode: number | undefined;
  readonly samples: readonly MemorySample[];
  readonly kills: number;
  readonly swaps: ReadonlyMap<string, number>;
}

/** The slopes are those of the last two thirds: what is loaded, compiled and cached at first grows, too. */
const SETTLED_SHARE = 1 / 3;
/** The lowest of several samples are those soon after a collection of garbage. */
const LOWEST_OF = 6;
const FIGURES: readonly { readonly name: string; readonly figure: Figure; readonly lowestOf: number }[] = [
  { name: 'resident', figure: 'resident', lowestOf: 1 },
  { name: 'heap of the main thread', figure: 'heap', lowestOf: 1 },
  { name: `the lowest of each ${LOWEST_OF} samples of it`, figure: 'heap', lowestOf: LOWEST_OF },
  { name: 'beside the heap', figure: 'external', lowestOf: 1 },
];

/** Whether every request was answered, no error was unhandled, and the gateway ran and stopped as it should. */
export function isSound({ tally, gateway, endedEarly, exitCode }: SoakFindings): boolean {
  return (
    tally.misses.length === 0 && gateway.unhandled.length === 0 && endedEarly === undefined && exitCode === 0
  );
}

type Figure = 'resident' | 'heap' | 'external';

/** The slope of one figure, in MiB an hour, through the lowest of so many samples each. */
function slopeOf(samples: readonly MemorySample[], figure: Figure, lowestOf = 1): Slope {
  const settled = samples.slice(Math.floor(samples.length * SETTLED_SHARE)).flatMap((sample) => {
    const value = sample[figure];
    return value === undefined ? [] : [[sample.hours, value] as const];
  });
  const groups = Array.from({ length: Math.floor(settled.length / lowestOf) }, (_, index) =>
    settled.slice(index * lowestOf, (index + 1) * lowestOf),
  );
  return fitSlope(
    groups.map((group) => group.reduce((lowest, next) => (next[1] < lowest[1] ? next : lowest))),
  );
}

/** The findings in Markdown. */
export function describeSoak(findings: SoakFindings): string {
  const { minutes, tally, gateway, endedEarly, exitCode, kills, swaps } = findings;
  const lines = [
    `## Soak of ${minutes} minutes: ${isSound(findings) ? 'sound' : 'NOT SOUND'}`,
    '',
    `- requests and subscriptions without an answer: ${tally.misses.length}`,
    `- lines of the log that tell of unhandled errors: ${gateway.unhandled.length}`,
    `- the gateway ${endedEarly === undefined ? `ran to the end and stopped with exit code ${exitCode ?? '– it had to be killed'}` : `ended early with ${endedEarly}`}`,
    `- subgraphs killed: ${kills}; supergraph file written: ${[...swaps].map(([what, count]) => `${count} × ${what}`).join(', ') || 'never'}`,
    '',
    ...describeMemory(findings.samples),
    '',
    ...describeOutcomes(tally),
    '',
    ...describeComplaints(gateway),
    ...tally.misses.slice(0, 50).map((miss) => `- without an answer: ${miss}`),
    ...gateway.unhandled.slice(0, 20).map((line) => `- unhandled: \`${line.slice(0, 1_000)}\``),
  ];
  return `${lines.join('\n')}\n`;
}

function describeMemory(samples: readonly MemorySample[]): string[] {
  const rows = FIGURES.map(({ name, figure, lowestOf }) => {
    const values = samples.map((sample) => sample[figure]).filter((value) => value !== undefined);
    const { slope, standardError } = slopeOf(samples, figure, lowestOf);
    const told = Number.isNaN(slope) ? '–' : `${slope.toFixed(1)} ± ${standardError.toFixed(1)}`;
    const ends = [values[0], values.at(-1), values.length > 0 ? Math.max(...values) : undefined];
    const cells = ends.map((value) => value?.toFixed(0) ?? '–');
    return `| ${name} | ${cells.join(' | ')} | ${told} |`;
  });
  return [
    `| memory, MiB (${samples.length} samples) | first | last | most | MiB/h over the last two thirds |`,
    '| --- | ---: | ---: | ---: | ---: |',
    ...rows,
  ];
}

function describeOutcomes({ outcomes, p99s }: Tally): string[] {
  const late = p99s();
  const rows = [...outcomes].map(([kind, counts]) => {
    const parts = [...counts].sort(([, a], [, b]) => b - a).map(([outcome, count]) => `${count} ${outcome}`);
    return `| ${kind} | ${parts.join(', ')} | ${late.get(kind)?.toFixed(0) ?? ''} |`;
  });
  return ['| sent | what came of it | p99 ms |', '| --- | --- | ---: |', ...rows];
}

function describeComplaints({ complaints }: WatchedGateway): string[] {
  if (complaints.size === 0) return ['The log has no line of the levels error and fatal.', ''];
  const rows = [...complaints]
    .sort(([, a], [, b]) => b - a)
    .map(([message, count]) => `| ${message.replaceAll('|', '\\|')} | ${count} |`);
  return ['| logged as error or fatal | lines |', '| --- | ---: |', ...rows, ''];
}
