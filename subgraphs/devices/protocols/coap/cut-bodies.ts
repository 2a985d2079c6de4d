import { createHash } from 'node:crypto';
import {
  blockOption,
  keyOfRemote,
  MAX_BLOCK_BYTES,
  type Block,
  type CoapMessage,
  type Remote,
} from './coap-message.js';
import { diagnose, toMessage, toOptions } from './coap-reply.js';
import type { CoapReply } from './coap-request.js';
import type { AnsweredMessage } from './message-layer.js';

/** For whom a body is cut: whoever asks for the path from there gets its other blocks. */
export interface CutTarget {
  readonly remote: Remote;
  readonly token: Buffer;
  /** Of the resource, as the other end asks for it. */
  readonly resource: string;
  readonly blockBytes?: number | undefined;
  readonly onFetched?: (() => void) | undefined;
}

/** Bodies that are larger than one message, kept until all of their blocks have been asked for. */
export interface CutBodies {
  /** The message of an answer: with its first block when it is larger than one. */
  cut(reply: CoapReply, target: CutTarget): AnsweredMessage;
  /** A block of an answer that was begun; undefined when it is not there any more. `key` as {@link cutKey} makes it. */
  next(message: CoapMessage, key: string, block: Block): AnsweredMessage | undefined;
}

export interface CutBodiesOptions {
  readonly lifetimeMs: number;
  readonly now: () => number;
}

interface CutBody {
  readonly reply: CoapReply;
  readonly etag: Buffer;
  readonly endsAt: number;
  readonly onFetched: (() => void) | undefined;
}

/** How many are kept; the oldest is forgotten for one more. */
const CAPACITY = 1_000;

/** Makes the memory. Source: RFC 7959, §2.4 and §2.6. */
export function createCutBodies({ lifetimeMs, now }: CutBodiesOptions): CutBodies {
  const bodies = new Map<string, CutBody>();

  function remember(key: string, body: CutBody): void {
    bodies.delete(key);
    for (const oldest of bodies.keys()) {
      if (bodies.size < CAPACITY) break;
      bodies.delete(oldest);
    }
    bodies.set(key, body);
  }

  return {
    cut(reply, { remote, token, resource, blockBytes = MAX_BLOCK_BYTES, onFetched }) {
      const { afterwards, payload } = reply;
      if (!payload || payload.length <= blockBytes) return { ...toMessage(reply, token), afterwards };
      const etag = createHash('sha256').update(payload).digest().subarray(0, 4);
      remember(cutKey(remote, resource), { reply, etag, onFetched, endsAt: now() + lifetimeMs });
      return { ...sliceOf(reply, etag, { number: 0, size: blockBytes, token }), afterwards };
    },
    next({ token }, key, block) {
      const found = bodies.get(key);
      if (!found || found.endsAt <= now()) return undefined;
      const length = found.reply.payload?.length ?? 0;
      if (block.number * block.size >= length)
        return toMessage(diagnose('4.00', 'CoAP: there is no such block.'), token);
      // The last one stays too, for whoever asks for it again: its answer may be lost.
      const isLast = (block.number + 1) * block.size >= length;
      return {
        ...sliceOf({ ...found.reply, observe: undefined }, found.etag, { ...block, token }),
        afterwards: isLast ? found.onFetched : undefined,
      };
    },
  };
}

/** Names what a client asks for, for one client. */
export function cutKey(remote: Remote, resource: string): string {
  return `${keyOfRemote(remote)} ${resource}`;
}

function sliceOf(
  reply: CoapReply,
  etag: Buffer,
  { number, size, token }: { readonly number: number; readonly size: number; readonly token: Buffer },
): CoapMessage {
  const body = reply.payload ?? Buffer.alloc(0);
  const end = (number + 1) * size;
  return {
    code: reply.code,
    token,
    options: [
      ...toOptions(reply),
      { name: 'ETag', value: etag },
      blockOption('Block2', { number, size, more: end < body.length }),
    ],
    payload: body.subarray(number * size, end),
  };
}
