import { request } from 'node:http';
import { once } from 'node:events';
import WebSocket from 'ws';
import { createFirstOutcome } from './first-outcome.js';
import { ANSWER_DEADLINE_MS, type SoakClient } from './http-clients.js';
import { FILLED_SUBSCRIPTION, SUBSCRIPTIONS } from './live-graph.js';
import { between, pause } from './subgraph-keeper.js';

/** How long a client stays. */
const STAY_MS = { least: 2_000, most: 20_000 };
const SLOW_STAY_MS = { least: 8_000, most: 30_000 };
const BREAK_MS = { least: 20, most: 500 };

interface Wanted {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

function chooseSubscription(): Wanted {
  const query = SUBSCRIPTIONS[Math.floor(Math.random() * SUBSCRIPTIONS.length)] ?? SUBSCRIPTIONS[0];
  const every = 1 + Math.floor(Math.random() * 3);
  return query.includes('$every') ? { query, variables: { every } } : { query };
}

/** Begins one subscription after the other over a WebSocket, until the signal; each must be told something. */
export async function runWebSocketClient(client: SoakClient): Promise<void> {
  const { signal } = client;
  while (!signal.aborted) {
    if (await pause(between(BREAK_MS), signal)) await subscribeOnce(client);
  }
}

async function subscribeOnce({ origin, tally, signal }: SoakClient): Promise<void> {
  const socket = openSocket(origin);
  const first = createFirstOutcome();
  const closed = new AbortController();
  const told = (outcome: string) => {
    first.settle(outcome);
    tally.count('WebSocket messages', outcome);
  };
  socket.on('message', (data: Buffer) => {
    const type = readType(data);
    if (type === 'connection_ack')
      socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: chooseSubscription() }));
    else if (type !== 'ping') told(type);
  });
  socket.once('close', (code) => {
    closed.abort();
    first.settle(`closed with ${code}`);
  });
  try {
    const outcome = await first.wait(ANSWER_DEADLINE_MS);
    if (outcome === undefined) tally.miss('WebSocket subscription', 'neither an event nor an error');
    else tally.count('WebSocket subscription', outcome);
    await pause(between(STAY_MS), AbortSignal.any([signal, closed.signal]));
    // Some leave as they should and some vanish.
    if (Math.random() < 0.5 && socket.readyState === WebSocket.OPEN)
      socket.send('{"id":"1","type":"complete"}');
  } finally {
    if (Math.random() < 0.5) socket.terminate();
    else socket.close();
  }
}

/** Begins subscriptions with large events and does not read them, until the signal. */
export async function runSlowReader({ origin, tally, signal }: SoakClient): Promise<void> {
  while (!signal.aborted) {
    const socket = openSocket(origin);
    let code: number | undefined;
    socket.once('close', (closedWith) => (code = closedWith));
    socket.on('message', (data: Buffer) => {
      if (readType(data) !== 'connection_ack') return;
      socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: FILLED_SUBSCRIPTION } }));
      socket.pause();
    });
    await pause(between(SLOW_STAY_MS), signal);
    socket.resume();
    await pause(200, signal);
    tally.count('slow reader', code === undefined ? 'kept' : `closed with ${String(code)}`);
    socket.terminate();
  }
}

/** Begins one subscription after the other over Server-Sent Events, until the signal. */
export async function runEventStreamClient(client: SoakClient): Promise<void> {
  const { signal } = client;
  while (!signal.aborted) {
    if (await pause(between(BREAK_MS), signal)) await streamOnce(client);
  }
}

async function streamOnce({ origin, tally, signal }: SoakClient): Promise<void> {
  const kind = 'event stream';
  const headers = { accept: 'text/event-stream', 'content-type': 'application/json' };
  const asking = request(`${origin}/graphql`, { method: 'POST', headers, agent: false });
  const first = createFirstOutcome();
  const closed = new AbortController();
  asking.on('error', (error) => {
    first.settle(`broken: ${error.message}`);
  });
  asking.once('close', () => {
    closed.abort();
    first.settle('closed');
  });
  asking.once('response', (response) => {
    response.on('error', () => undefined);
    response.setEncoding('utf8').on('data', (text: string) => {
      const event = /^event: ?(?<name>\w+)/m.exec(text)?.groups?.['name'];
      if (event !== undefined) first.settle(event);
      else if (response.statusCode !== 200) first.settle(`status ${response.statusCode ?? '?'}`);
    });
  });
  asking.end(JSON.stringify(chooseSubscription()));
  try {
    const outcome = await first.wait(ANSWER_DEADLINE_MS);
    if (outcome === undefined || outcome.startsWith('broken')) tally.miss(kind, outcome ?? 'no event');
    else tally.count(kind, outcome);
    await pause(between(STAY_MS), AbortSignal.any([signal, closed.signal]));
  } finally {
    asking.destroy();
  }
}

function openSocket(origin: string): WebSocket {
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  // A connection that breaks is told by its close.
  socket.on('error', () => undefined);
  once(socket, 'open').then(
    () => {
      socket.send('{"type":"connection_init"}');
    },
    () => undefined,
  );
  return socket;
}

function readType(data: Buffer): string {
  return /"type":"(?<type>\w+)"/.exec(data.toString('latin1', 0, 200))?.groups?.['type'] ?? 'no type';
}
