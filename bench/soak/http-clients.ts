import { Pool } from 'undici';
import { SHOP_QUERY, SMALL_QUERY } from '../shop/shop-query.js';
import { between, pause } from './subgraph-keeper.js';
import type { Tally } from './tally.js';

/** What every client of the soak needs. */
export interface SoakClient {
  /** Of the gateway, without a path. */
  readonly origin: string;
  readonly tally: Tally;
  readonly signal: AbortSignal;
}

/** An operation must be answered by then, in milliseconds; its own deadline in the gateway is shorter. */
export const ANSWER_DEADLINE_MS = 20_000;
const PAUSE_MS = { least: 10, most: 120 };
const PRODUCT_FIELDS = ['name', 'price', 'weight', 'inStock', 'shippingEstimate'];

interface Question {
  readonly kind: string;
  readonly query: string;
}

function chooseQuestion(): Question {
  const draw = Math.random();
  if (draw < 0.35) return { kind: 'heavy query', query: SHOP_QUERY };
  if (draw < 0.65) return { kind: 'small query', query: SMALL_QUERY };
  if (draw < 0.8) return { kind: 'mutation', query: describeMutation() };
  return { kind: 'other query', query: describeOther() };
}

function describeMutation(): string {
  const upc = 1 + Math.floor(Math.random() * 9);
  return `mutation { addNote(upc: "${upc}", text: "${Math.random()}") { number text product { upc name price } } }`;
}

/** Operations of many shapes and literals, so that plans are made all the time. */
function describeOther(): string {
  const fields = PRODUCT_FIELDS.filter(() => Math.random() < 0.5).map(
    (name) => `${name}${Math.floor(Math.random() * 50)}: ${name}`,
  );
  const first = 1 + Math.floor(Math.random() * 9);
  return `{ topProducts(first: ${first}) { upc ${fields.join(' ')} reviews { id author { username } } } }`;
}

/** Asks one thing after the other, until the signal. */
export async function runHttpClient({ origin, tally, signal }: SoakClient): Promise<void> {
  const timeouts = { headersTimeout: ANSWER_DEADLINE_MS, bodyTimeout: ANSWER_DEADLINE_MS };
  const pool = new Pool(origin, { connections: 1, pipelining: 1, ...timeouts });
  try {
    while (!signal.aborted) {
      await askOne(pool, tally);
      await pause(between(PAUSE_MS), signal);
    }
  } finally {
    await pool.destroy();
  }
}

async function askOne(pool: Pool, tally: Tally): Promise<void> {
  const { kind, query } = chooseQuestion();
  const begunAt = performance.now();
  try {
    const { body } = await (Math.random() < 0.1 && kind !== 'mutation'
      ? get(pool, query)
      : post(pool, query));
    const outcome = describeAnswer(await body.text());
    tally.time(kind, performance.now() - begunAt);
    tally.count(kind, outcome);
  } catch (error) {
    tally.miss(kind, error instanceof Error ? error.message : String(error));
  }
}

function post(pool: Pool, query: string) {
  const headers = { 'content-type': 'application/json' };
  return pool.request({ method: 'POST', path: '/graphql', headers, body: JSON.stringify({ query }) });
}

function get(pool: Pool, query: string) {
  const headers = { 'apollo-require-preflight': 'true', accept: 'application/json' };
  return pool.request({ method: 'GET', path: '/graphql', query: { query }, headers });
}

interface Answer {
  readonly data?: object | null;
  readonly errors?: readonly { readonly extensions?: { readonly code?: string } }[];
}

/** `ok`; the codes of the errors, with `partial` before them when there is data beside them; or that it is no answer. */
function describeAnswer(text: string): string {
  let answer: Answer;
  try {
    answer = JSON.parse(text) as Answer;
  } catch {
    return 'not JSON';
  }
  if (!answer.errors) return answer.data ? 'ok' : 'neither data nor errors';
  const codes = new Set(answer.errors.map(({ extensions }) => extensions?.code ?? 'no code'));
  return `${answer.data ? 'partial: ' : ''}${[...codes].sort().join(' ')}`;
}
