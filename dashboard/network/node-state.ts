import type { NetworkGraph, NodeMetrics, SignalSource } from './documents.js';

/** How a node is now, in one word: its class in the drawing and in the table. */
export type NodeHealth = 'loading' | 'unknown' | 'stale' | 'invalid' | 'simulated' | 'reporting' | 'good';

/** What is known of a node: what it was assigned, and its newest numbers. */
export interface KnownNode {
  /** The signal that it was assigned. */
  readonly assigned: Pick<NetworkGraph['nodes'][number], 'source' | 'metric' | 'device'> | undefined;
  /** Its numbers at the newest update; undefined before the first one. */
  readonly live: Pick<NodeMetrics, 'source' | 'fresh' | 'validity'> | undefined;
  /** Whether the first update may still be on its way. */
  readonly isWaiting: boolean;
}

/** Below this a node is not believed. */
const LEAST_VALIDITY = 0.5;

/** The words of the table and the drawing. */
export const HEALTH_WORDS = {
  loading: 'loading',
  unknown: 'no signal',
  stale: 'stale',
  invalid: 'not valid',
  simulated: 'simulated',
  reporting: 'reporting',
  good: 'live',
} as const satisfies Record<NodeHealth, string>;

/** What each of the words means, in a sentence. */
export const HEALTH_REASONS = {
  loading: 'Its first values are on their way.',
  unknown: 'It was given no signal, and it reports nothing about itself.',
  stale: 'It has a signal, but no fresh value of it has come: it is left out of the network’s numbers.',
  invalid: 'It is not believed, and counts little or nothing in the numbers that weigh nodes.',
  simulated: 'Its values are made by the generator.',
  reporting: 'It has no signal here; its numbers are what it reports about itself.',
  good: 'Its signal is fresh.',
} as const satisfies Record<NodeHealth, string>;

/** Where a node's signal comes from: as it was measured, otherwise as it was assigned; null for nowhere. */
export function sourceOf({ assigned, live }: Omit<KnownNode, 'isWaiting'>): SignalSource | null {
  return live?.source ?? assigned?.source ?? null;
}

/** How a node is now. */
export function nodeHealth({ assigned, live, isWaiting }: KnownNode): NodeHealth {
  const source = sourceOf({ assigned, live });
  if (!live?.fresh) {
    if (source === null) return 'unknown';
    return !live && isWaiting ? 'loading' : 'stale';
  }
  if (live.validity < LEAST_VALIDITY) return 'invalid';
  if (live.source === null) return 'reporting';
  return live.source === 'GENERATOR' ? 'simulated' : 'good';
}

/** What a node's signal is, in words. */
export function signalWords(known: Omit<KnownNode, 'isWaiting'>): string {
  const { assigned } = known;
  switch (sourceOf(known)) {
    case 'GENERATOR':
      return 'generator';
    case 'STATE':
      return 'pushed state';
    case 'DEVICE':
      return `${assigned?.device?.name ?? 'removed device'} · ${assigned?.metric ?? 'unknown metric'}`;
    case null:
      return 'none';
  }
}
