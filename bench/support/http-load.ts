import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { percentilesOf, type Percentiles } from './percentiles.js';

/** What clients that ask again as soon as they are answered came to. */
export interface HttpOutcome extends Percentiles {
  readonly operationsPerSecond: number;
  readonly operations: number;
}

export interface HttpLoadOptions {
  readonly url: string;
  /** The bodies of the requests of one operation, which are sent at the same time. */
  readonly bodies: readonly string[];
  readonly connections: number;
  readonly windowMs: number;
  /** Called when the window begins. */
  readonly onWindow?: () => void;
}

const ASK_DEADLINE_MS = 10_000;
const REQUEST = { method: 'POST', headers: { 'content-type': 'application/json' } } as const;

/**
 * Keeps as many operations open as there are connections for a while, the first fifth of the time uncounted.
 *
 * Errors: at the first answer that is no 200, or that has errors in it.
 */
export async function loadHttp(options: HttpLoadOptions): Promise<HttpOutcome> {
  const { url, bodies, connections, windowMs, onWindow } = options;
  const { origin, pathname: path } = new URL(url);
  const pool = new Pool(origin, { connections, pipelining: 1 });
  const state = { counting: false, running: true };
  const latencies: number[] = [];

  async function ask(body: string): Promise<void> {
    const response = await pool.request({ ...REQUEST, path, body });
    const text = await response.body.text();
    if (response.statusCode !== 200 || text.includes('"errors"')) throw new Error(`an answer was ${text}`);
  }

  async function work(): Promise<void> {
    while (state.running) {
      const begunAt = performance.now();
      await Promise.all(bodies.map(ask));
      if (state.counting) latencies.push(performance.now() - begunAt);
    }
  }

  try {
    const workers = Array.from({ length: Math.floor(connections / bodies.length) }, work);
    const failed = Promise.all(workers);
    await Promise.race([sleep(windowMs / 5), failed]);
    state.counting = true;
    onWindow?.();
    const begunAt = performance.now();
    await Promise.race([sleep(windowMs), failed]);
    state.counting = false;
    const seconds = (performance.now() - begunAt) / 1_000;
    state.running = false;
    await failed;
    return {
      ...percentilesOf(latencies),
      operations: latencies.length,
      operationsPerSecond: latencies.length / seconds,
    };
  } finally {
    state.running = false;
    await pool.close();
  }
}

/** The answer to one query, as text. Errors: when its status is no 200, or past ten seconds. */
export async function askOnce(url: string, query: string): Promise<string> {
  const body = JSON.stringify({ query });
  const response = await fetch(url, { ...REQUEST, body, signal: AbortSignal.timeout(ASK_DEADLINE_MS) });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`expected an answer of ${url}, got ${text.slice(0, 300)}`);
  return text;
}

/** Whether two texts are the same JSON but for the order of keys: gateways may give fields in another order. */
export function isSameJson(one: string, other: string): boolean {
  return JSON.stringify(sortKeys(JSON.parse(one))) === JSON.stringify(sortKeys(JSON.parse(other)));
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortKeys(inner)]));
}
