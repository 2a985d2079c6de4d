import { once } from 'node:events';
import type { SubscribePayload } from 'graphql-ws';
import WebSocket from 'ws';
import { waitFor } from './wait-for.js';

/** What a server says over graphql-ws. */
export interface ServerMessage {
  readonly type: string;
  readonly id?: string;
  readonly payload?: unknown;
}

/** A graphql-ws client that shows each message as it came, and can stop reading. */
export interface Subscriber {
  readonly socket: WebSocket;
  readonly heard: readonly ServerMessage[];
  /** The payloads of its `next` messages. */
  readonly events: readonly unknown[];
  /** With what its socket was closed. */
  readonly closed: Promise<readonly [number, string]>;
  /** Returns the id. */
  subscribe(payload: SubscribePayload): string;
  say(message: unknown): void;
  untilEvents(count: number): Promise<readonly unknown[]>;
  untilHeard(condition: (message: ServerMessage) => boolean): Promise<ServerMessage>;
}

/** Opens a socket and waits until it is acknowledged. */
export async function openSubscriber(
  url: string,
  parameters: Record<string, unknown> = {},
): Promise<Subscriber> {
  const socket = new WebSocket(url, 'graphql-transport-ws');
  socket.on('error', () => undefined);
  const heard: ServerMessage[] = [];
  const events: unknown[] = [];
  let ids = 0;
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as ServerMessage;
    heard.push(message);
    if (message.type === 'next') events.push(message.payload);
  });
  const closed = once(socket, 'close') as Promise<[number, Buffer]>;
  const say = (message: unknown) => {
    socket.send(JSON.stringify(message));
  };
  await once(socket, 'open');
  say({ type: 'connection_init', payload: parameters });
  const untilHeard = (condition: (message: ServerMessage) => boolean) =>
    waitFor('the message came', () => heard.find(condition));
  await untilHeard(({ type }) => type === 'connection_ack');
  return {
    socket,
    heard,
    events,
    closed: closed.then(([code, reason]) => [code, reason.toString()] as const),
    subscribe(payload) {
      ids += 1;
      say({ id: String(ids), type: 'subscribe', payload });
      return String(ids);
    },
    say,
    untilEvents: (count) => waitFor(`${count} events came`, () => events.length >= count && events),
    untilHeard,
  };
}
