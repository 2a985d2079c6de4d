import type { IncomingMessage, ServerResponse } from 'node:http';
import { once } from 'node:events';
import { untilAborted } from '../../../../kernel/lifecycle/until-aborted.js';

export interface NdjsonStreamOptions {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly maxLineBytes: number;
  /** How many lines may be on their way to their answers; beyond it the socket is not read. */
  readonly inFlight: number;
  /** Gives what is answered to a line; never rejects. */
  readonly take: (line: Buffer) => Promise<object>;
  /** What is answered to a line that is too long; then the stream ends. */
  readonly tooLong: () => object;
  /** Ends the stream after the lines that were taken. */
  readonly signal: AbortSignal;
  /** What is said last of a stream that was ended, if anything. */
  readonly lastWords: () => object | undefined;
}

const NEWLINE = 0x0a;
const LAST_WORDS_MS = 500;

/**
 * Answers each line of a request with a line, in their order, while further ones arrive. Resolves when all are answered,
 * or the client has gone. An empty line is none.
 */
export async function answerLines(options: NdjsonStreamOptions): Promise<void> {
  const { request, response, inFlight, take, signal } = options;
  const waiting: Promise<object>[] = [];
  let line = 0;
  response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
  response.flushHeaders();

  async function answerFirst(): Promise<void> {
    const answer = await waiting.shift();
    if (response.destroyed || !answer) return;
    line += 1;
    if (!response.write(`${JSON.stringify({ line, ...answer })}\n`)) await untilWritable(response);
  }

  let answering: Promise<void> = Promise.resolve();
  function schedule(answer: Promise<object>): Promise<void> {
    waiting.push(answer);
    answering = answering.then(answerFirst);
    return answering;
  }

  const hasEnded = () => signal.aborted || request.destroyed || response.destroyed;

  async function sayLast(): Promise<void> {
    const words = options.lastWords();
    if (words) await schedule(Promise.resolve(words));
  }

  const pending = new Set<Promise<void>>();
  try {
    for await (const one of readLines(request, options)) {
      const answered = schedule(one === 'TOO_LONG' ? Promise.resolve(options.tooLong()) : take(one));
      pending.add(answered);
      void answered.finally(() => pending.delete(answered));
      // Not reading on is what holds the sender back.
      if (pending.size >= inFlight) await Promise.race(pending);
      if (signal.aborted || one === 'TOO_LONG') break;
    }
  } catch (error) {
    // The client went away: what was taken is committed, and has nobody to tell.
    if (!hasEnded()) throw error;
  }
  if (signal.aborted) await sayLast();
  await answering;
  response.end();
  if (!request.complete) hangUp(request);
}

/** Ends the connection of a client that has not said all, and lets it read its last answer before. */
function hangUp(request: IncomingMessage): void {
  request.resume();
  setTimeout(() => {
    request.destroy();
  }, LAST_WORDS_MS).unref();
}

async function untilWritable(response: ServerResponse): Promise<void> {
  const closing = new AbortController();
  const { signal } = closing;
  await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]).catch(
    () => undefined,
  );
  closing.abort();
}

/** What arrives. Errors: CANCELLED once the signal is aborted, also while nothing arrives. */
async function* readChunks(request: IncomingMessage, signal: AbortSignal): AsyncGenerator<Buffer> {
  // The request is not destroyed with the loop: its answer goes by the same socket.
  const chunks = request.iterator({ destroyOnReturn: false }) as AsyncGenerator<Buffer, undefined>;
  try {
    for (;;) {
      const { value, done } = await untilAborted(chunks.next(), signal);
      if (done === true) return;
      yield value;
    }
  } finally {
    // It gives the request back, when what it waits for has come or never will.
    chunks.return(undefined).catch(() => undefined);
  }
}

/** The lines of a stream; `TOO_LONG` and the end for one that is longer than it may. */
async function* readLines(
  request: IncomingMessage,
  { maxLineBytes, signal }: Pick<NdjsonStreamOptions, 'maxLineBytes' | 'signal'>,
): AsyncGenerator<Buffer | 'TOO_LONG'> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of readChunks(request, signal)) {
    rest = rest.byteLength === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      const line = trim(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
      if (line.byteLength > maxLineBytes) {
        yield 'TOO_LONG';
        return;
      }
      if (line.byteLength > 0) yield line;
    }
    if (rest.byteLength > maxLineBytes) {
      yield 'TOO_LONG';
      return;
    }
  }
  if (trim(rest).byteLength > 0) yield trim(rest);
}

/** Without the carriage return that some put before the newline. */
function trim(line: Buffer): Buffer {
  return line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
}
