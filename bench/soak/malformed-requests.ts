import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import WebSocket from 'ws';
import { SHOP_QUERY } from '../shop/shop-query.js';
import { ANSWER_DEADLINE_MS, type SoakClient } from './http-clients.js';
import { between, pause } from './subgraph-keeper.js';

const PAUSE_MS = { least: 50, most: 400 };
const HUGE_BYTES = 3_000_000;
const DEPTH = 200;
const WEB_SOCKET_MESSAGES = ['{', '{"type":"subscribe"}', '[1,2]', '{"type":"connection_init","payload":7}'];

/** Bytes that no well-behaved client sends. */
interface Malformed {
  readonly kind: string;
  readonly bytes: string;
  /** Hangs up after so many milliseconds, and expects no answer. */
  readonly hangUpMs?: number;
  /** Whether closing the connection without a status is an answer, too: while it is sent, nobody reads one. */
  readonly mayBeCut?: boolean;
}

function post(body: string, headers: Readonly<Record<string, string>> = {}): string {
  const all = {
    host: 'localhost',
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return ['POST /graphql HTTP/1.1', ...lines, '', body].join('\r\n');
}

const ask = (query: string) => post(JSON.stringify({ query }));

const MALFORMED: readonly Malformed[] = [
  { kind: 'bad JSON', bytes: post('{"query": "{ __typename }') },
  { kind: 'no object', bytes: post('7') },
  { kind: 'no GraphQL', bytes: ask('{ topProducts { upc ') },
  { kind: 'unknown field', bytes: ask('{ topProducts { colour } }') },
  {
    kind: 'too deep',
    bytes: ask(`{ users ${'{ reviews { author '.repeat(DEPTH)}{ id }${'} }'.repeat(DEPTH)} }`),
  },
  {
    kind: 'wrong variables',
    bytes: post('{"query":"query($id: ID!) { user(id: $id) { id } }","variables":[]}'),
  },
  { kind: 'wrong content type', bytes: post('query={ __typename }', { 'content-type': 'text/plain' }) },
  { kind: 'huge body', bytes: post('x'.repeat(HUGE_BYTES)), mayBeCut: true },
  { kind: 'no HTTP', bytes: '\u0016\u0003\u0001\u0002\r\n\r\n' },
  { kind: 'bad method', bytes: 'BREW /graphql HTTP/1.1\r\nhost: localhost\r\n\r\n' },
  { kind: 'cut in the body', bytes: post('{"query"', { 'content-length': '5000' }), hangUpMs: 100 },
  { kind: 'cut in the headers', bytes: 'POST /graphql HTTP/1.1\r\nhost: loc', hangUpMs: 100 },
  { kind: 'hung up while it is answered', bytes: ask(SHOP_QUERY), hangUpMs: 3 },
];

/** Sends one malformed request after the other, until the signal. */
export async function sendMalformed(client: SoakClient): Promise<void> {
  const { origin, signal } = client;
  while (!signal.aborted) {
    for (const malformed of MALFORMED) {
      if (!(await pause(between(PAUSE_MS), signal))) return;
      await sendOne(malformed, client);
    }
    for (const message of WEB_SOCKET_MESSAGES) await sendWebSocketMessage(message, origin, client);
  }
}

async function sendOne(malformed: Malformed, { origin, tally }: SoakClient): Promise<void> {
  const { kind, bytes, hangUpMs, mayBeCut = false } = malformed;
  const { port, hostname } = new URL(origin);
  const socket = connect(Number(port), hostname);
  // A connection that breaks ends the wait for its answer.
  socket.on('error', () => undefined);
  socket.write(bytes, 'latin1');
  if (hangUpMs !== undefined) {
    await new Promise((resolve) => setTimeout(resolve, hangUpMs));
    socket.destroy();
    tally.count(kind, 'hung up');
    return;
  }
  const answer = await readStatus(socket);
  socket.destroy();
  if (answer !== undefined) tally.count(kind, answer);
  else if (mayBeCut) tally.count(kind, 'closed');
  else tally.miss(kind, 'no status');
}

/** The status of the answer; undefined when the connection is closed, or the deadline passes, before there is one. */
async function readStatus(socket: Socket): Promise<string | undefined> {
  const signal = AbortSignal.any([AbortSignal.timeout(ANSWER_DEADLINE_MS), abortedAtClose(socket)]);
  try {
    const [chunk] = (await once(socket, 'data', { signal })) as [Buffer];
    return /^HTTP\/1\.1 (?<status>\d{3})/.exec(chunk.toString('latin1'))?.groups?.['status'];
  } catch {
    return undefined;
  }
}

function abortedAtClose(socket: Socket): AbortSignal {
  const closing = new AbortController();
  socket.once('close', () => {
    closing.abort();
  });
  return closing.signal;
}

/** The gateway must close the socket, as graphql-ws has it for what it does not know. */
async function sendWebSocketMessage(
  message: string,
  origin: string,
  { tally, signal }: SoakClient,
): Promise<void> {
  if (signal.aborted) return;
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  socket.on('error', () => undefined);
  socket.once('open', () => {
    socket.send(message);
  });
  try {
    const closed = once(socket, 'close', { signal: AbortSignal.timeout(ANSWER_DEADLINE_MS) });
    const [code] = (await closed) as [number];
    tally.count('bad WebSocket message', String(code));
  } catch {
    tally.miss('bad WebSocket message', `not closed after ${message}`);
  } finally {
    socket.terminate();
  }
}
