import { z } from 'zod';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import { isErrorCode, type ErrorCode } from '../../kernel/errors/codes.js';
import type { StoredMessage } from './frame.js';

/** What the hub says of one message. */
export type HubResult =
  | { readonly kind: 'taken'; readonly accepted: number; readonly repeated: number }
  /** It will never be taken. */
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly reason: string }
  /** It may be taken later. */
  | { readonly kind: 'later'; readonly reason: string };

/** The way to the hub. */
export interface HubClient {
  /**
   * Hands messages on; the results stand in their order.
   *
   * Errors: AegisErrors when the hub took none of them: PAYLOAD_TOO_LARGE for too many at once, UNAUTHENTICATED,
   * FORBIDDEN and NOT_FOUND for a hub that does not let this edge in or knows no edges, others for one that is away.
   */
  send(messages: readonly StoredMessage[], signal: AbortSignal): Promise<HubResult[]>;
}

export interface HubClientOptions {
  /** Such as `https://aegis.example.com`. */
  readonly hubUrl: string;
  readonly apiKey: string | undefined;
  /** How long one request may take, in milliseconds. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 30_000;
const MAX_ANSWER_CHARACTERS = 4_000_000;

const answerSchema = z.object({
  results: z.array(
    z.union([
      z.object({ accepted: z.number(), repeated: z.number() }),
      z.object({ error: z.object({ code: z.string(), message: z.string(), retryable: z.boolean() }) }),
    ]),
  ),
});

const refusalSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

/** Makes the way to the hub, over HTTP. */
export function createHubClient({ hubUrl, apiKey, timeoutMs = TIMEOUT_MS }: HubClientOptions): HubClient {
  const url = new URL('edge/messages', hubUrl.endsWith('/') ? hubUrl : `${hubUrl}/`).href;

  async function post(body: string, signal: AbortSignal): Promise<{ status: number; text: string }> {
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/x-ndjson',
          ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
        },
        body,
        redirect: 'error',
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      return { status: response.status, text: (await response.text()).slice(0, MAX_ANSWER_CHARACTERS) };
    } catch (error) {
      throw new AegisError('UPSTREAM_FAILED', `${url} does not answer: ${describe(error)}`, { cause: error });
    }
  }

  return {
    async send(messages, signal) {
      const { status, text } = await post(messages.map(toLine).join(''), signal);
      if (status !== 200) throw toRefusal(url, status, text);
      const { results } = parseAs(answerSchema, text) ?? { results: [] };
      if (results.length !== messages.length) {
        const count = `${messages.length} results, got ${results.length}`;
        throw new AegisError('UPSTREAM_FAILED', `${url}: expected ${count}.`);
      }
      return results.map((result) => {
        if (!('error' in result)) return { kind: 'taken', ...result };
        const { code, message: reason, retryable } = result.error;
        if (retryable || !isErrorCode(code)) return { kind: 'later', reason };
        return { kind: 'refused', code, reason };
      });
    },
  };
}

function toLine({ device, arrivedAtUs, contentType, payload }: StoredMessage): string {
  const encoded = Buffer.from(payload).toString('base64');
  return `${JSON.stringify({ device, arrivedAtUs, contentType, payload: encoded })}\n`;
}

function toRefusal(url: string, status: number, text: string): AegisError {
  const told = parseAs(refusalSchema, text)?.error;
  const reason = `${url} answered ${status}${told ? `: ${told.message}` : ''}`;
  if (status === 413) return new AegisError('PAYLOAD_TOO_LARGE', reason);
  if (status === 401) return new AegisError('UNAUTHENTICATED', reason);
  if (status === 403) return new AegisError('FORBIDDEN', reason);
  if (status === 404) return new AegisError('NOT_FOUND', `${reason}; is it an Aegis that knows edges?`);
  return new AegisError('UPSTREAM_FAILED', reason);
}

function parseAs<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** The reason of a failed fetch stands in its cause; one that tried several addresses has only a code. */
function describe(error: unknown): string {
  const { message, cause } = error as { readonly message: string; readonly cause?: unknown };
  const { message: reason, code } = (cause ?? {}) as { readonly message?: string; readonly code?: string };
  return [reason, code, message].find((text) => text !== undefined && text !== '') ?? '';
}
