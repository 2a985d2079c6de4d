import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { Pool, type Dispatcher } from 'undici';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import { readSubgraphResponse } from './read-response.js';
import type { SubgraphSubscriber, SubgraphSubscriberOptions } from './subgraph-subscriber.js';
import { createSubscriptionEvents, describeLoss, type SubscriptionEvents } from './subscription-events.js';
import { SubscriptionRefused } from './subscription-refused.js';
import { readVariables, type SubgraphRequest } from './transport.js';

export interface EventStreamSubscriberOptions extends SubgraphSubscriberOptions {
  /**
   * How long a subgraph may be silent that has shown before, by comments, that it keeps its streams alive; in milliseconds,
   * 60,000 by default.
   */
  readonly silenceMs?: number;
}

const SILENCE_MS = 60_000;
/** How long a connection is quiet before the network is asked whether it still stands, in milliseconds. */
const TCP_KEEP_ALIVE_MS = 15_000;
/** One comment may only open the stream; the second one says that more will come. */
const COMMENTS_OF_HABIT = 2;

/**
 * Subscribes at a subgraph over Server-Sent Events: one request for each subscription.
 *
 * A lost connection ends its subscription with UPSTREAM_FAILED: silently subscribing again would lose events unseen.
 *
 * Source: graphql-sse PROTOCOL.md, "Distinct connections mode"; WHATWG HTML, §9.2 Server-sent events.
 */
export function createEventStreamSubscriber(options: EventStreamSubscriberOptions): SubgraphSubscriber {
  const { subgraph, timeoutMs, headersFor } = options;
  const url = new URL(options.url);
  const open = new Set<AbortController>();
  // No bound of its own on connections: the subscriptions have theirs, and one that waited for another would wait for ever.
  const pool = new Pool(url.origin, {
    connections: null,
    connect: {
      timeout: timeoutMs,
      keepAlive: true,
      keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
      ...(options.lookup ? { lookup: options.lookup } : {}),
    },
    headersTimeout: timeoutMs,
    bodyTimeout: 0,
  });

  async function request({ operation, context, ...asked }: SubgraphRequest, signal: AbortSignal) {
    const own = await headersFor(context);
    return pool.request({
      method: 'POST',
      path: url.pathname + url.search,
      headers: {
        traceparent: context.trace.traceparent,
        ...own,
        'content-type': 'application/json',
        accept: 'text/event-stream',
      },
      body: JSON.stringify({
        ...(operation.name === undefined ? {} : { operationName: operation.name }),
        query: operation.text,
        variables: readVariables({ operation, context, ...asked }),
      }),
      signal,
    });
  }

  return {
    async subscribe(asked) {
      const { signal } = asked;
      const left = new AbortController();
      open.add(left);
      const leave = () => {
        open.delete(left);
        signal.removeEventListener('abort', leave);
        left.abort();
      };
      signal.addEventListener('abort', leave, { once: true });
      if (signal.aborted) leave();
      try {
        const response = await request(asked, left.signal);
        if (!isEventStream(response)) throw await describeRefusal(response, options);
        const events = createSubscriptionEvents(subgraph, leave);
        void follow(response.body, events, options);
        return events.read(signal);
      } catch (error) {
        leave();
        throw describeFailure(error, signal, options);
      }
    },
    async close() {
      for (const left of open) left.abort();
      open.clear();
      await pool.destroy();
    },
  };
}

/** Reads events until the subgraph has no more, or nobody wants more. */
async function follow(
  body: Dispatcher.ResponseData['body'],
  events: SubscriptionEvents,
  { subgraph, maxResponseBytes, silenceMs = SILENCE_MS }: EventStreamSubscriberOptions,
): Promise<void> {
  let comments = 0;
  const silence = setTimeout(() => {
    if (comments >= COMMENTS_OF_HABIT) events.end(describeLoss(subgraph, ': it gives no sign of life'));
  }, silenceMs);
  const parser = createParser({
    maxBufferSize: maxResponseBytes,
    onEvent(message) {
      take(message, events);
    },
    onComment() {
      comments += 1;
    },
    onError({ type }) {
      // Fields that nobody knows are to be passed over.
      if (type === 'max-buffer-size-exceeded')
        events.end(describeLoss(subgraph, `: it sent an event of more than ${maxResponseBytes} bytes`));
    },
  });
  const decoder = new TextDecoder();
  try {
    for await (const chunk of body) {
      silence.refresh();
      parser.feed(decoder.decode(chunk as Buffer, { stream: true }));
    }
    // A stream that is over says so by `complete`, and has been ended then.
    events.end(describeLoss(subgraph, ': the stream broke off'));
  } catch (error) {
    events.end(describeLoss(subgraph, '', error));
  } finally {
    clearTimeout(silence);
  }
}

function take({ event, data }: EventSourceMessage, events: SubscriptionEvents): void {
  if (event === 'complete') events.end();
  else if (event === 'next') events.push(parseJson(data));
}

function isEventStream({ statusCode, headers }: Dispatcher.ResponseData): boolean {
  return statusCode === 200 && /^text\/event-stream\s*(?:;|$)/i.test(String(headers['content-type']));
}

/** A subgraph may say in JSON what is wrong with the operation; whatever else it says is no answer to a subscription. */
async function describeRefusal(
  { statusCode, body }: Dispatcher.ResponseData,
  { subgraph, maxResponseBytes }: SubgraphSubscriberOptions,
): Promise<Error> {
  const errors = readSubgraphResponse(parseJson(await readText(body, maxResponseBytes)))?.errors;
  if (errors) return new SubscriptionRefused(errors);
  return new AegisError(
    'UPSTREAM_FAILED',
    `subgraph ${subgraph}: expected an event stream, got HTTP ${statusCode} without one.`,
  );
}

/** Errors: when there is more than that. */
async function readText(body: Dispatcher.ResponseData['body'], maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes > maxBytes) throw new Error(`expected at most ${maxBytes} bytes`);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function describeFailure(
  cause: unknown,
  signal: AbortSignal,
  { subgraph, timeoutMs }: SubgraphSubscriberOptions,
): Error {
  if (cause instanceof SubscriptionRefused) return cause;
  // That the host may not be called is no refusal of the client's subscription.
  if (cause instanceof AegisError && cause.code !== 'FORBIDDEN') return cause;
  if (signal.reason instanceof AegisError) return signal.reason;
  if (signal.aborted)
    return new AegisError('CANCELLED', `subgraph ${subgraph}: the request was cancelled.`, { cause });
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
  if (code.endsWith('_TIMEOUT')) {
    const message = `subgraph ${subgraph} did not begin its subscription within ${timeoutMs} ms.`;
    return new AegisError('UPSTREAM_TIMEOUT', message, { cause });
  }
  const reason = code === '' ? 'the request failed' : code;
  return new AegisError('UPSTREAM_FAILED', `subgraph ${subgraph} could not be reached (${reason}).`, {
    cause,
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
