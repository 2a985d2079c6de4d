import { randomBytes } from 'node:crypto';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import {
  blockOption,
  findBlock,
  findOptions,
  MAX_BLOCK_BYTES,
  METHOD,
  numberOption,
  textOptions,
  type Block,
  type CoapMessage,
  type CoapOption,
  type Remote,
} from './coap-message.js';

/** A request to a device. */
export interface CoapCall {
  readonly remote: Remote;
  readonly method: keyof typeof METHOD;
  readonly path: readonly string[];
  readonly payload?: Buffer | undefined;
  readonly contentFormat?: number | undefined;
  readonly accept?: number | undefined;
}

/** Sends one message and gives its answer. */
export type Ask = (message: CoapMessage, remote: Remote, signal: AbortSignal) => Promise<CoapMessage>;

/** Bodies of requests and answers, in as many messages as they need. Source: RFC 7959. */
export interface CoapTransfer {
  /** Sends a request and gives the first message of its answer. */
  upload(call: CoapCall, signal: AbortSignal): Promise<CoapMessage>;
  /** The whole body of an answer: asks for its other blocks. Errors: UPSTREAM_FAILED when it is too large, or changes. */
  download(call: CoapCall, first: CoapMessage, signal: AbortSignal): Promise<Buffer>;
}

export interface CoapTransferDeps {
  readonly ask: Ask;
  /** The largest answer, in bytes. */
  readonly maxBodyBytes: number;
}

export const TOKEN_BYTES = 8;

/** Makes it. */
export function createCoapTransfer({ ask, maxBodyBytes }: CoapTransferDeps): CoapTransfer {
  async function upload(call: CoapCall, signal: AbortSignal): Promise<CoapMessage> {
    const options = optionsOf(call);
    const payload = call.payload ?? Buffer.alloc(0);
    const token = randomBytes(TOKEN_BYTES);
    const code = METHOD[call.method];
    if (payload.length <= MAX_BLOCK_BYTES) return ask({ code, token, options, payload }, call.remote, signal);
    let size = MAX_BLOCK_BYTES;
    for (let offset = 0; ;) {
      const end = Math.min(offset + size, payload.length);
      const block: Block = { number: offset / size, size, more: end < payload.length };
      const sent = [...options, blockOption('Block1', block)];
      const answer = await ask(
        { code, token, options: sent, payload: payload.subarray(offset, end) },
        call.remote,
        signal,
      );
      if (answer.code !== '2.31') return answer;
      offset = end;
      // It may want smaller ones from here on (RFC 7959, §2.5).
      size = Math.min(size, findBlock(answer, 'Block1')?.size ?? size);
    }
  }

  /** The whole answer: asks for its other blocks. */
  async function download(call: CoapCall, first: CoapMessage, signal: AbortSignal): Promise<Buffer> {
    let block = findBlock(first, 'Block2');
    const parts = [first.payload];
    let length = first.payload.length;
    const [etag] = findOptions(first, 'ETag');
    while (block?.more) {
      const next: Block = { number: block.number + 1, size: block.size, more: false };
      const answer = await ask(
        {
          ...{ code: METHOD[call.method], token: randomBytes(TOKEN_BYTES), payload: Buffer.alloc(0) },
          options: [...optionsOf(call), blockOption('Block2', next)],
        },
        call.remote,
        signal,
      );
      const [sameTag] = findOptions(answer, 'ETag');
      block = findBlock(answer, 'Block2');
      if (block?.number !== next.number || (etag && !(sameTag?.equals(etag) ?? false)))
        throw failed(call, 'its answer changed while its blocks were read');
      length += answer.payload.length;
      if (length > maxBodyBytes) throw failed(call, `expected an answer of at most ${maxBodyBytes} bytes`);
      parts.push(answer.payload);
    }
    return Buffer.concat(parts);
  }

  return { upload, download };
}

/** The options of a request, but those of blocks and observations. */
export function optionsOf({ path, contentFormat, accept }: CoapCall): CoapOption[] {
  return [
    ...textOptions('Uri-Path', path),
    ...(contentFormat === undefined ? [] : [numberOption('Content-Format', contentFormat)]),
    ...(accept === undefined ? [] : [numberOption('Accept', accept)]),
  ];
}

function failed({ remote, path }: CoapCall, reason: string): AegisError {
  return new AegisError('UPSTREAM_FAILED', `CoAP: ${remote.address}/${path.join('/')}: ${reason}.`);
}
