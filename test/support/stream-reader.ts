import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { waitFor } from './wait-for.js';

/** A response that goes on, as it comes over the wire. */
export interface StreamReader {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Everything so far. */
  readonly text: string;
  readonly ended: boolean;
  readonly response: IncomingMessage;
  /** What stands behind `data:` of each `next` event, or in each part; heartbeats left out. */
  events(): readonly unknown[];
  untilEvents(count: number): Promise<readonly unknown[]>;
  untilEnd(): Promise<void>;
  leave(): void;
}

export interface StreamRequest {
  readonly method?: string;
  readonly headers: Record<string, string>;
  readonly body?: unknown;
}

/** Sends a request and waits for the head of its response. */
export function openStream(
  url: string,
  { method = 'POST', headers, body }: StreamRequest,
): Promise<StreamReader> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers }, (response) => {
      const state = { text: '', ended: false };
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (state.text += chunk));
      response.once('error', () => undefined);
      response.once('close', () => (state.ended = true));
      const read = () =>
        String(response.headers['content-type']).startsWith('text/event-stream')
          ? readEvents(state.text)
          : readParts(state.text);
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        get text() {
          return state.text;
        },
        get ended() {
          return state.ended;
        },
        response,
        events: read,
        untilEvents: (count) =>
          waitFor(`${count} events came`, () => (read().length >= count ? read() : undefined)),
        async untilEnd() {
          await waitFor('the response ended', () => state.ended);
        },
        leave() {
          sent.destroy();
        },
      });
    });
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Source: WHATWG HTML, §9.2.6. */
function readEvents(text: string): unknown[] {
  return text.split('\n\n').flatMap((block): unknown[] => {
    const lines = block.split('\n');
    if (!lines.includes('event: next')) return [];
    return lines
      .filter((line) => line.startsWith('data: '))
      .map((line) => JSON.parse(line.slice(6)) as unknown);
  });
}

/** Source: RFC 2046, §5.1.1. */
function readParts(text: string): unknown[] {
  // What stands behind the last boundary is not yet whole.
  const parts = text.split('\r\n--graphql').slice(1, -1);
  return parts
    .map((part) => JSON.parse(part.slice(part.indexOf('\r\n\r\n') + 4)) as unknown)
    .filter((part) => JSON.stringify(part) !== '{}');
}
