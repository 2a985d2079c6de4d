import { randomBytes } from 'node:crypto';
import { untilAborted } from '../../../../kernel/lifecycle/until-aborted.js';
import {
  findNumber,
  keyOfRemote,
  METHOD,
  numberOption,
  type CoapMessage,
  type Remote,
} from './coap-message.js';
import { createCoapTransfer, optionsOf, TOKEN_BYTES, type Ask, type CoapCall } from './coap-transfer.js';
import type { MessageLayer } from './message-layer.js';

/** What a device answered, its blocks put together. */
export interface CoapAnswer {
  readonly code: string;
  readonly contentFormat: number | undefined;
  readonly payload: Buffer;
  /** For how long it is fresh, in seconds. */
  readonly maxAge: number;
  /** The number of a notification; undefined for an answer that is none. */
  readonly observe: number | undefined;
}

/** Requests over a message layer. */
export interface CoapExchange {
  /** Errors: UPSTREAM_FAILED, UPSTREAM_TIMEOUT or the signal's; UNAVAILABLE when nothing acknowledges. */
  call(call: CoapCall, signal: AbortSignal): Promise<CoapAnswer>;
  /**
   * Asks to be told of changes. Its first answer comes first; when that has no number, the device has declined and the
   * observation is over.
   *
   * @param onAnswer takes an answer; it is acknowledged when that is done.
   */
  observe(
    call: CoapCall,
    onAnswer: (answer: CoapAnswer) => Promise<void>,
    signal: AbortSignal,
  ): Promise<Observing>;
  /** For the message layer. */
  onAnswer(message: CoapMessage, remote: Remote): boolean | Promise<boolean>;
}

/** An observation that has begun. */
export interface Observing {
  readonly first: CoapAnswer;
  /** Asks anew, to see that it still stands. Errors: as those of a call. */
  renew(signal: AbortSignal): Promise<CoapAnswer>;
  /** Tells the device that it is over, and waits for nothing. */
  end(): void;
}

export interface CoapExchangeDeps {
  readonly layer: Pick<MessageLayer, 'confirm'>;
  /** The largest answer, in bytes. */
  readonly maxBodyBytes: number;
  readonly now?: () => number;
}

type Taker = (message: CoapMessage) => boolean | Promise<boolean>;

/** RFC 7252, §5.10.5. */
const MAX_AGE_SECONDS = 60;
/** RFC 7641, §3.4. */
const FRESH_FOR_MS = 128_000;

/** Makes them. Source: RFC 7252, §5; RFC 7959; RFC 7641. */
export function createCoapExchange({ layer, maxBodyBytes, now = Date.now }: CoapExchangeDeps): CoapExchange {
  const takers = new Map<string, Taker>();
  const keyOf = (remote: Remote, token: Buffer) => `${keyOfRemote(remote)}/${token.toString('hex')}`;

  /** One message and its answer, blocks as they are. */
  const ask: Ask = async (message, remote, signal) => {
    const key = keyOf(remote, message.token);
    const before = takers.get(key);
    const settled = new AbortController();
    try {
      const answered = new Promise<CoapMessage>((resolve, reject) => {
        takers.set(key, (answer) => {
          resolve(answer);
          return true;
        });
        // An answer may come before its acknowledgement, which is then not waited for (RFC 7252, §5.2.2).
        layer.confirm(message, remote, AbortSignal.any([signal, settled.signal])).catch(reject);
      });
      return await untilAborted(answered, signal);
    } finally {
      settled.abort();
      if (before) takers.set(key, before);
      else takers.delete(key);
    }
  };

  const transfer = createCoapTransfer({ ask, maxBodyBytes });

  async function complete(call: CoapCall, message: CoapMessage, signal: AbortSignal): Promise<CoapAnswer> {
    return {
      code: message.code,
      contentFormat: findNumber(message, 'Content-Format'),
      maxAge: findNumber(message, 'Max-Age') ?? MAX_AGE_SECONDS,
      observe: findNumber(message, 'Observe'),
      payload: await transfer.download(call, message, signal),
    };
  }

  return {
    onAnswer(message, remote) {
      return takers.get(keyOf(remote, message.token))?.(message) ?? false;
    },
    async call(call, signal) {
      return complete(call, await transfer.upload(call, signal), signal);
    },
    observe: (call, onAnswer, signal) =>
      observe(call, onAnswer, signal, { ask, complete, takers, keyOf, layer, now }),
  };
}

interface ObserveDeps {
  readonly ask: Ask;
  readonly complete: (call: CoapCall, message: CoapMessage, signal: AbortSignal) => Promise<CoapAnswer>;
  readonly takers: Map<string, Taker>;
  readonly keyOf: (remote: Remote, token: Buffer) => string;
  readonly layer: Pick<MessageLayer, 'confirm'>;
  readonly now: () => number;
}

async function observe(
  call: CoapCall,
  onAnswer: (answer: CoapAnswer) => Promise<void>,
  signal: AbortSignal,
  { ask, complete, takers, keyOf, layer, now }: ObserveDeps,
): Promise<Observing> {
  const token = randomBytes(TOKEN_BYTES);
  const key = keyOf(call.remote, token);
  const register = { code: METHOD.GET, token, payload: Buffer.alloc(0) };
  const options = [numberOption('Observe', 0), ...optionsOf(call)];
  const isNewer = createOrder(now);
  const begin = async (until: AbortSignal) => {
    const answer = await complete(call, await ask({ ...register, options }, call.remote, until), until);
    isNewer(answer.observe);
    await onAnswer(answer);
    return answer;
  };
  takers.set(key, async (message) => {
    const observe = findNumber(message, 'Observe');
    // What is older than what is known is of no use, and acknowledged nevertheless.
    if (observe === undefined || isNewer(observe)) await onAnswer(await complete(call, message, signal));
    return true;
  });
  const end = () => takers.delete(key);
  try {
    const first = await begin(signal);
    if (first.observe === undefined) end();
    return {
      first,
      renew: begin,
      end() {
        end();
        const stop = [numberOption('Observe', 1), ...optionsOf(call)];
        layer.confirm({ ...register, options: stop }, call.remote, signal).catch(() => undefined);
      },
    };
  } catch (error) {
    end();
    throw error;
  }
}

/** Tells whether a notification is newer than all before it. Source: RFC 7641, §3.4. */
function createOrder(now: () => number): (number: number | undefined) => boolean {
  let last: { readonly number: number; readonly at: number } | undefined;
  return (number) => {
    if (number === undefined) return true;
    const isNewer =
      !last ||
      (last.number < number && number - last.number < 2 ** 23) ||
      (last.number > number && last.number - number > 2 ** 23) ||
      now() > last.at + FRESH_FOR_MS;
    if (isNewer) last = { number, at: now() };
    return isNewer;
  };
}
