import { parseArgs } from 'node:util';
import type { BenchOptions } from './bench.js';

/** What was asked for on the command line. */
export interface CommandLine {
  readonly names: readonly string[];
  readonly options: BenchOptions;
  /** How long a soak lasts. */
  readonly minutes: number;
}

const WHOLE: BenchOptions = {
  windowSeconds: 4,
  probeSeconds: 60,
  starts: 3,
  rounds: 3,
  operations: 5_000,
  clients: [1_000, 5_000, 10_000],
};
const QUICK: BenchOptions = {
  windowSeconds: 1,
  probeSeconds: 3,
  starts: 1,
  rounds: 1,
  operations: 200,
  clients: [200],
};

/**
 * Reads the arguments of this process.
 *
 * @param known the names that may be asked for; all of `byDefault` when none is.
 * Errors: with what was expected, and the whole help.
 */
export function readCommandLine(known: readonly string[], byDefault: readonly string[]): CommandLine {
  const help = describeUse(known);
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean' },
      'probe-seconds': { type: 'string' },
      clients: { type: 'string' },
      minutes: { type: 'string', default: '30' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) throw new Error(help);
  const unknown = positionals.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`expected one of ${known.join(', ')}, got ${unknown}\n${help}`);
  const options = values.quick ? QUICK : WHOLE;
  const probeSeconds = Number(values['probe-seconds'] ?? options.probeSeconds);
  if (!(probeSeconds >= 0)) throw new Error(`--probe-seconds: expected a number of seconds\n${help}`);
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new Error(`--minutes: expected a number of minutes\n${help}`);
  const clients = values.clients?.split(',').map(Number) ?? options.clients;
  if (!clients.every((count) => Number.isSafeInteger(count) && count > 0))
    throw new Error(`--clients: expected whole numbers, comma-separated\n${help}`);
  return {
    names: positionals.length > 0 ? positionals : byDefault,
    options: { ...options, probeSeconds, clients },
    minutes,
  };
}

function describeUse(known: readonly string[]): string {
  return `npm run bench -- [${known.join('|')} …] [--quick] [--probe-seconds N] [--clients N,…] [--minutes N]
  --quick            short measurements, for a look at whether everything runs; their figures say little
  --probe-seconds N  how long the host probe runs before memory is read for the second time [60]
  --clients N,…      how many clients a fan-out has, one measurement for each [1000,5000,10000]
  --minutes N        how long a soak lasts [30]
  Without names all benches run, and the charts are drawn; a soak only when it is named.
`;
}
