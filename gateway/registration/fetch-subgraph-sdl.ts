import { Agent, request } from 'undici';
import { z } from 'zod';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { AddressGuard } from '../../kernel/outbound/address-guard.js';
import { describeAddress } from '../supergraph/describe-address.js';

export interface FetchSubgraphSdlOptions {
  readonly guard: AddressGuard;
  /** How long the subgraph may take, in milliseconds. */
  readonly timeoutMs: number;
  /** The largest answer that is read, in bytes. */
  readonly maxBytes: number;
}

const QUERY = '{ _service { sdl } }';
const answerSchema = z.object({ data: z.object({ _service: z.object({ sdl: z.string().min(1) }) }) });

/**
 * Asks a subgraph for its contract, and tells it of nobody: somebody else has chosen whom this asks. One that answers only
 * to whom it knows has to be registered with its SDL.
 *
 * Errors: FORBIDDEN for an address that may not be called, UPSTREAM_TIMEOUT, UPSTREAM_FAILED with what came instead.
 * Source: Apollo Federation subgraph specification, `Query._service`.
 */
export async function fetchSubgraphSdl(
  url: URL,
  { guard, timeoutMs, maxBytes }: FetchSubgraphSdlOptions,
): Promise<string> {
  await guard.check(url);
  const signal = AbortSignal.timeout(timeoutMs);
  const dispatcher = new Agent({ connect: { lookup: guard.lookup }, maxResponseSize: maxBytes });
  try {
    // Redirects are not followed: they would lead past the guard.
    const { statusCode, body } = await request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ query: QUERY }),
      signal,
      dispatcher,
    });
    return readSdl(await body.text(), statusCode, url);
  } catch (error) {
    if (error instanceof AegisError) throw error;
    if (signal.aborted) {
      throw new AegisError(
        'UPSTREAM_TIMEOUT',
        `${describeAddress(url.href)} did not answer within ${timeoutMs} ms.`,
      );
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new AegisError(
      'UPSTREAM_FAILED',
      `${describeAddress(url.href)} cannot be asked for its schema: ${reason}`,
      {
        cause: error,
      },
    );
  } finally {
    // Nobody waits for the connection to close.
    void dispatcher.destroy();
  }
}

function readSdl(text: string, statusCode: number, url: URL): string {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    // Told below.
  }
  const read = answerSchema.safeParse(answer);
  if (read.success) return read.data.data._service.sdl;
  throw new AegisError(
    'UPSTREAM_FAILED',
    `${describeAddress(url.href)}: expected the schema of a subgraph in answer to ${QUERY}, got status ${statusCode} and ${JSON.stringify(text.slice(0, 200))}. Give its SDL instead.`,
  );
}
