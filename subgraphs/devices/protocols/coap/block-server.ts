import { createBlockAssembly } from './block-assembly.js';
import {
  blockOption,
  findBlock,
  findNumber,
  findOptions,
  type Block,
  type CoapMessage,
  type Remote,
} from './coap-message.js';
import { diagnose, toMessage } from './coap-reply.js';
import type { CoapReply } from './coap-request.js';
import { createCutBodies, cutKey, type CutBodies } from './cut-bodies.js';
import type { AnsweredMessage } from './message-layer.js';

export interface BlockServerOptions {
  readonly maxBodyBytes: number;
  readonly lifetimeMs: number;
  readonly now?: () => number;
}

/** Requests whose body comes in blocks, and answers whose body goes in blocks. Source: RFC 7959. */
export interface BlockServer {
  /**
   * Has a request answered once its body is whole.
   *
   * @param admit asked with the first block, before anything is kept; what it gives refuses the request.
   */
  serve(message: CoapMessage, remote: Remote, handlers: BlockHandlers): Promise<AnsweredMessage>;
  /** Cuts a body that is sent on our own account, such as a notification. */
  readonly cut: CutBodies['cut'];
}

/** What serves one request. */
export interface BlockHandlers {
  readonly admit: () => Promise<CoapReply | undefined>;
  readonly answer: (payload: Buffer) => Promise<CoapReply>;
}

/** What all bodies on their way may take together, in bytes. */
const MAX_ASSEMBLED_BYTES = 67_108_864;
const BUSY_SECONDS = 5;

/** Makes one. */
export function createBlockServer({
  maxBodyBytes,
  lifetimeMs,
  now = Date.now,
}: BlockServerOptions): BlockServer {
  const assembly = createBlockAssembly({ maxBodyBytes, lifetimeMs, now, maxBytes: MAX_ASSEMBLED_BYTES });
  const { cut, next } = createCutBodies({ lifetimeMs, now });

  /** Gathers the body of a request. A message is what it is answered with when the body is not whole. */
  async function gather(
    message: CoapMessage,
    key: string,
    { admit }: BlockHandlers,
  ): Promise<Buffer | AnsweredMessage> {
    const block = findBlock(message, 'Block1');
    const announced = findNumber(message, 'Size1') ?? 0;
    const { payload, token } = message;
    if (announced > maxBodyBytes || payload.length > maxBodyBytes) return toMessage(tooLarge(), token);
    if (!block) return payload;
    if (!assembly.has(key) || block.number === 0) {
      const refused = await admit();
      if (refused) return toMessage(refused, token);
    }
    const taken = assembly.take(key, block, payload);
    if (taken.kind === 'whole') return taken.body;
    const answers = {
      more: () => ({ code: '2.31' }),
      incomplete: () =>
        diagnose('4.08', 'CoAP: blocks before this one are missing; begin again with the first.'),
      'too-large': tooLarge,
      full: () => diagnose('5.03', 'CoAP: too many large bodies are on their way.', { maxAge: BUSY_SECONDS }),
    };
    return withBlock1(toMessage(answers[taken.kind](), token), taken.kind === 'more' ? block : undefined);
  }

  function tooLarge(): CoapReply {
    return diagnose('4.13', `CoAP: expected at most ${maxBodyBytes} bytes; send it in several messages.`, {
      size1: maxBodyBytes,
    });
  }

  return {
    cut,
    async serve(message, remote, handlers) {
      const resource = resourceOf(message);
      const key = cutKey(remote, resource);
      const wanted = findBlock(message, 'Block2');
      if (wanted && wanted.number > 0) {
        const refused = await handlers.admit();
        if (refused) return toMessage(refused, message.token);
        const slice = next(message, key, wanted);
        return slice ?? toMessage(diagnose('4.08', 'CoAP: begin again with the first block.'), message.token);
      }
      const body = await gather(message, `${key} ${message.code} ${tagOf(message)}`, handlers);
      if (!Buffer.isBuffer(body)) return body;
      const reply = await handlers.answer(body);
      const target = { remote, resource, token: message.token, blockBytes: wanted?.size };
      return withBlock1(cut(reply, target), findBlock(message, 'Block1'));
    },
  };
}

/** What tells one body of a client from another that it sends at the same time. Source: RFC 9175, §3 (Request-Tag). */
function tagOf(message: CoapMessage): string {
  return findOptions(message, '292')[0]?.toString('hex') ?? '';
}

/** The path and query of a request, as a key. */
export function resourceOf(message: Pick<CoapMessage, 'options'>): string {
  const path = findOptions(message, 'Uri-Path').map(String).join('/');
  return `/${path}?${findOptions(message, 'Uri-Query').map(String).join('&')}`;
}

function withBlock1(message: AnsweredMessage, block: Block | undefined): AnsweredMessage {
  if (!block) return message;
  return { ...message, options: [...message.options, blockOption('Block1', block)] };
}
