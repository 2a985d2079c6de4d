import type { GraphQLFormattedError } from 'graphql';

/** How operations are answered by a response that goes on. */
export interface StreamFormat {
  readonly name: 'sse' | 'multipart';
  readonly contentType: string;
  /** What comes before everything else. */
  readonly opening: string;
  /** Shows that the connection is alive. */
  readonly heartbeat: string;
  readonly heartbeatMs: number;
  /** A GraphQL response as the protocol writes it. */
  frame(json: Buffer): Buffer;
  /** How a stream ends, with what it broke off with if it did. */
  closing(errors: readonly GraphQLFormattedError[] | undefined): string;
}

/** Source: graphql-sse PROTOCOL.md, "Distinct connections mode"; WHATWG HTML, §9.2 for the comment that keeps it alive. */
const EVENT_STREAM: StreamFormat = {
  name: 'sse',
  contentType: 'text/event-stream; charset=utf-8',
  // A client sees that it is connected before there is an event.
  opening: ':\n\n',
  heartbeat: ':\n\n',
  heartbeatMs: 12_000,
  frame: (json) => between('event: next\ndata: ', json, '\n\n'),
  closing: (errors) =>
    `${errors ? `event: next\ndata: ${JSON.stringify({ errors })}\n\n` : ''}event: complete\ndata:\n\n`,
};

const PART = '\r\ncontent-type: application/json\r\n\r\n';
/** It follows each part at once: a reader takes a part for whole only when it sees the next boundary. */
const BOUNDARY = '\r\n--graphql';

/** Source: Apollo, "Multipart HTTP protocol for GraphQL subscriptions", version 1.0. */
const MULTIPART: StreamFormat = {
  name: 'multipart',
  contentType: 'multipart/mixed;boundary="graphql";subscriptionSpec="1.0"',
  opening: `${BOUNDARY}${PART}{}${BOUNDARY}`,
  heartbeat: `${PART}{}${BOUNDARY}`,
  heartbeatMs: 5_000,
  frame: (json) => between(`${PART}{"payload":`, json, `}${BOUNDARY}`),
  closing: (errors) =>
    `${errors ? `${PART}${JSON.stringify({ payload: null, errors })}${BOUNDARY}` : ''}--\r\n`,
};

/** What an `Accept` header asks for. */
export interface AcceptedStream {
  readonly format: StreamFormat;
  /** Whether a plain JSON response would do as well. */
  readonly orJson: boolean;
}

/** The stream that an `Accept` header names first; undefined when it names none. */
export function findStreamFormat(accept: string | undefined): AcceptedStream | undefined {
  if (accept === undefined || !/event-stream|subscriptionspec/i.test(accept)) return undefined;
  const types = accept.toLowerCase().split(',');
  for (const type of types) {
    const format = formatOf(type);
    if (format) return { format, orJson: types.some((other) => /json|\*\/\*/.test(other)) };
  }
  return undefined;
}

function formatOf(type: string): StreamFormat | undefined {
  const [name = '', ...parameters] = type.split(';').map((part) => part.trim());
  if (name === 'text/event-stream') return EVENT_STREAM;
  const asksForEvents = parameters.some((parameter) => /^subscriptionspec="?1\.0"?$/.test(parameter));
  return name === 'multipart/mixed' && asksForEvents ? MULTIPART : undefined;
}

function between(before: string, json: Buffer, behind: string): Buffer {
  return Buffer.concat([Buffer.from(before), json, Buffer.from(behind)]);
}
