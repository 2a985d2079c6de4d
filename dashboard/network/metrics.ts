import type { MetricKey, NetworkState } from './documents.js';

/** One of the network's numbers: its name, its scale, and what it is in plain words. */
export interface Metric {
  readonly key: MetricKey;
  /** As thresholds name it. */
  readonly threshold: string;
  readonly symbol: string;
  readonly name: string;
  /** UCUM code. */
  readonly unit: string;
  readonly bounds: readonly [number, number] | undefined;
  readonly read: (metrics: NonNullable<NetworkState['metrics']>) => number | null;
  readonly about: string;
}

/** The numbers in the order in which they are shown. */
export const METRICS: readonly Metric[] = [
  {
    key: 'phi',
    threshold: 'PHI',
    symbol: 'Φ',
    name: 'Integrated information',
    unit: 'bit',
    bounds: undefined,
    read: ({ phi }) => phi?.bits ?? null,
    about:
      'How much the whole network tells about its own past beyond what two halves of it tell about theirs, for the cut that loses least. Near 0 when the nodes have nothing to do with each other. It counts only when it lies above what signals without any relation give, which is shown beside it.',
  },
  {
    key: 'coherence',
    threshold: 'COHERENCE',
    symbol: 'R',
    name: 'Coherence',
    unit: '1',
    bounds: [0, 1],
    read: ({ coherence }) => coherence,
    about:
      'Whether the nodes swing in step: 1 when all are in phase, about 0.25 when 13 nodes swing each for itself.',
  },
  {
    key: 'stability',
    threshold: 'STABILITY',
    symbol: 'S',
    name: 'Stability',
    unit: '1',
    bounds: [0, 1],
    read: ({ stability }) => stability,
    about: 'Whether coherence stays as it is: 1 when it does not change, lower the more it comes and goes.',
  },
  {
    key: 'divergence',
    threshold: 'DIVERGENCE',
    symbol: 'D',
    name: 'Divergence',
    unit: '1',
    bounds: [0, 1],
    read: ({ divergence }) => divergence,
    about:
      'How differently the nodes spend their time among what is high and low for each of them: 0 when all do alike, higher the more their shapes differ. On which level a node is does not count.',
  },
  {
    key: 'level',
    threshold: 'LEVEL',
    symbol: 'C',
    name: 'Level',
    unit: '1',
    bounds: [0, 1],
    read: ({ level }) => level?.value ?? null,
    about:
      'One number made of the four others, to compare states of one network by. A convention of this system: it says nothing about experience, of the network or of anybody.',
  },
  {
    key: 'collectiveAwareness',
    threshold: 'COLLECTIVE_AWARENESS',
    symbol: 'mean C',
    name: 'Mean node level',
    unit: '1',
    bounds: [0, 1],
    read: ({ global }) => global.collectiveAwareness,
    about:
      'The mean of the nodes’ own levels, each counted by how far it is to be believed. The wire format calls it collective awareness.',
  },
  {
    key: 'systemHealth',
    threshold: 'SYSTEM_HEALTH',
    symbol: 'Health',
    name: 'System health',
    unit: '1',
    bounds: [0, 1],
    read: ({ global }) => global.systemHealth,
    about: 'The share of the nodes whose signal is fresh and whose reports are valid.',
  },
];
