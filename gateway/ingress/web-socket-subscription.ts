import type { Socket } from 'node:net';
import type { ExecutionResult, GraphQLError } from 'graphql';
import type { WebSocket } from 'ws';
import type { EventBytes } from '../subscriptions/event-bytes.js';
import type { EventSink, SubscriptionEnd } from '../subscriptions/event-sink.js';

/** The close code of a client that does not read what it is sent: one of those that are free for applications. */
const SLOW_CONSUMER = 4008;

/** FIN and the opcode of text. Source: RFC 6455, §5.2. */
const TEXT_FRAME = 0x81;
/** After so many bytes what has gathered in one turn goes to the network, so that none of it counts as unread. */
const MAX_GATHERED_BYTES = 65_536;
/** The longest event that is copied into one piece with its frame; a longer one is shared by all clients. */
const MAX_COPIED_BYTES = 16_384;

const DONE: IteratorResult<ExecutionResult> = { value: undefined, done: true };

/**
 * One subscription of a graphql-ws client. Its events go straight to the socket, because graphql-ws would write each one as
 * JSON again for each client and wait for it; what it iterates over is only how the subscription ends, and that it tells
 * the client itself, behind the events.
 *
 * Source: graphql-ws PROTOCOL.md, graphql-transport-ws, "Next"; RFC 6455, §5.2, for the frames.
 */
export class WebSocketSubscription implements EventSink, AsyncIterableIterator<ExecutionResult> {
  readonly #socket: WebSocket;
  readonly #stream: Socket;
  readonly #prefix: Buffer;
  #leave: (() => void) | undefined;
  #end: SubscriptionEnd | undefined;
  #wake: (() => void) | undefined;
  #gathering = false;
  #gatheredBytes = 0;

  /**
   * @param socket the client's.
   * @param stream what the socket writes to. It must not compress: its frames are written whole.
   * @param id the client's name of the subscription.
   */
  constructor(socket: WebSocket, stream: Socket, id: string) {
    this.#socket = socket;
    this.#stream = stream;
    this.#prefix = Buffer.from(`{"id":${JSON.stringify(id)},"type":"next","payload":`);
  }

  /** Is told when the client leaves. */
  set onLeave(leave: () => void) {
    this.#leave = leave;
  }

  get unsentBytes(): number {
    // What waits for the end of the turn only waits for no reader.
    return Math.max(0, this.#stream.writableLength - this.#gatheredBytes);
  }

  write(event: EventBytes): void {
    if (this.#end || this.#socket.readyState !== this.#socket.OPEN) return;
    const tail = event.framed('graphql-ws', (json) => Buffer.concat([json, Buffer.from('}')]));
    this.#gather();
    if (tail.length <= MAX_COPIED_BYTES) {
      this.#stream.write(frame(this.#prefix, tail.length, tail));
    } else {
      this.#stream.write(frame(this.#prefix, tail.length));
      this.#stream.write(tail);
    }
    this.#gatheredBytes += this.#prefix.length + tail.length;
    if (this.#gatheredBytes >= MAX_GATHERED_BYTES) this.#release();
  }

  /** The events of one turn go to the network together: handing over each one costs more than making it. */
  #gather(): void {
    if (this.#gathering) return;
    this.#gathering = true;
    this.#stream.cork();
    process.nextTick(() => {
      this.#release();
    });
  }

  #release(): void {
    if (!this.#gathering) return;
    this.#gathering = false;
    this.#gatheredBytes = 0;
    this.#stream.uncork();
  }

  onceDrained(listener: () => void): void {
    this.#stream.once('drain', listener);
  }

  end(end: SubscriptionEnd): void {
    this.#end ??= end;
    this.#wake?.();
  }

  disconnect(): void {
    this.#socket.close(SLOW_CONSUMER, 'Slow consumer');
  }

  /** Waits until the subscription is over. Errors: what it broke off with. */
  async next(): Promise<IteratorResult<ExecutionResult>> {
    if (!this.#end) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const end = this.#end ?? { kind: 'complete' };
    this.#end = { kind: 'complete' };
    if (end.kind === 'failed') throw new SubscriptionFailed(end.errors);
    return end.kind === 'refused' ? { value: end.result, done: false } : DONE;
  }

  /** The client has left, or its connection broke. */
  return(): Promise<IteratorResult<ExecutionResult>> {
    this.end({ kind: 'complete' });
    this.#leave?.();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** Why a subscription broke off, on its way through graphql-ws. */
export class SubscriptionFailed extends Error {
  override readonly name = 'SubscriptionFailed';
  readonly errors: readonly GraphQLError[];

  constructor(errors: readonly GraphQLError[]) {
    super('the subscription broke off');
    this.errors = errors;
  }
}

/** The head of a frame from the server, its first part, and the rest when it is given. */
function frame(first: Buffer, restBytes: number, rest?: Buffer): Buffer {
  const payloadBytes = first.length + restBytes;
  const headBytes = payloadBytes < 126 ? 2 : payloadBytes < 65_536 ? 4 : 10;
  const bytes = Buffer.allocUnsafe(headBytes + first.length + (rest ? restBytes : 0));
  bytes[0] = TEXT_FRAME;
  if (headBytes === 2) bytes[1] = payloadBytes;
  else if (headBytes === 4) {
    bytes[1] = 126;
    bytes.writeUInt16BE(payloadBytes, 2);
  } else {
    bytes[1] = 127;
    bytes.writeUInt32BE(0, 2);
    bytes.writeUInt32BE(payloadBytes, 6);
  }
  first.copy(bytes, headBytes);
  rest?.copy(bytes, headBytes + first.length);
  return bytes;
}
