import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { findStreamFormat, type StreamFormat } from '../../../gateway/ingress/stream-format.js';
import { openStreamedResponse } from '../../../gateway/ingress/streamed-response.js';
import { openStream } from '../../support/stream-reader.js';
import { waitFor } from '../../support/wait-for.js';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** Serves one stream that says nothing but that it is alive. */
async function serveQuiet(format: StreamFormat): Promise<string> {
  server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': format.contentType });
    openStreamedResponse({ response, format, formatErrors: () => [] });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a stream in which nothing happens', () => {
  it.each([
    ['text/event-stream', ':\n\n:\n\n:\n\n', 12_000],
    ['multipart/mixed;subscriptionSpec="1.0"', '\r\n\r\n{}\r\n--graphql', 5_000],
  ])('shows that it is alive: %s', async (accept, sign, everyMs) => {
    const accepted = findStreamFormat(accept);
    if (!accepted) throw new Error('a format');
    expect(accepted.format.heartbeatMs).toBe(everyMs);
    const url = await serveQuiet({ ...accepted.format, heartbeatMs: 5 });
    const reader = await openStream(url, { headers: {} });
    await waitFor('it shows so several times', () => reader.text.split(sign).length > 3);
    expect(reader.events()).toEqual([]);
    reader.leave();
  });
});

describe('an Accept header', () => {
  it.each([
    ['text/event-stream', 'sse', false],
    ['multipart/mixed;boundary="graphql";subscriptionSpec=1.0,application/json', 'multipart', true],
    ['application/graphql-response+json, application/json, text/event-stream, multipart/mixed', 'sse', true],
    ['TEXT/EVENT-STREAM;q=0.9', 'sse', false],
    ['text/event-stream, */*', 'sse', true],
  ])('asks for a stream: %s', (accept, name, orJson) => {
    expect(findStreamFormat(accept)).toMatchObject({ format: { name }, orJson });
  });

  it.each([
    undefined,
    '',
    '*/*',
    'application/json',
    'multipart/mixed',
    'multipart/mixed;subscriptionSpec=2.0',
  ])('asks for none: %s', (accept) => {
    expect(findStreamFormat(accept)).toBeUndefined();
  });
});
