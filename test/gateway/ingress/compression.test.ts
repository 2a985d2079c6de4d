import { request } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from '@jest/globals';
import { serveGateway, type ServedGateway } from '../../support/gateway-server.js';
import { openStream } from '../../support/stream-reader.js';

let served: ServedGateway | undefined;

afterEach(async () => {
  await served?.close();
});

interface Raw {
  readonly encoding: string | undefined;
  readonly vary: string | undefined;
  readonly body: Buffer;
}

/** Fetch would undo the compression by itself. */
function ask(url: string, query: string, acceptEncoding: string): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'accept-encoding': acceptEncoding };
    const sent = request(`${url}/graphql`, { method: 'POST', headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', () => {
        const { 'content-encoding': encoding, vary } = response.headers;
        resolve({ encoding, vary, body: Buffer.concat(chunks) });
      });
    });
    sent.once('error', reject);
    sent.end(JSON.stringify({ query }));
  });
}

const LONG = `{ hello(name: "${'x'.repeat(3_000)}") }`;
const LONG_ANSWER = JSON.stringify({ data: { hello: `hello ${'x'.repeat(3_000)}` } });

describe('compression', () => {
  it('is by what the client accepts, from a size on', async () => {
    served = await serveGateway({ compressionBytes: 1_024 });
    const br = await ask(served.url, LONG, 'gzip, br');
    expect([br.encoding, br.vary?.includes('accept-encoding')]).toEqual(['br', true]);
    expect(brotliDecompressSync(br.body).toString().trim()).toBe(LONG_ANSWER);
    const gzip = await ask(served.url, LONG, 'gzip');
    expect(gzip.body.length).toBeLessThan(500);
    expect(gunzipSync(gzip.body).toString().trim()).toBe(LONG_ANSWER);
    expect((await ask(served.url, LONG, 'identity')).encoding).toBeUndefined();
    expect((await ask(served.url, '{ hello }', 'gzip')).encoding).toBeUndefined();
  });

  it('can be switched off', async () => {
    served = await serveGateway({ compressionBytes: 0 });
    expect((await ask(served.url, LONG, 'gzip')).encoding).toBeUndefined();
  });

  it('leaves streams alone, whose events would wait for each other', async () => {
    served = await serveGateway({ compressionBytes: 1 });
    const reader = await openStream(`${served.url}/graphql`, {
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream',
        'accept-encoding': 'gzip, br',
      },
      body: { query: 'subscription { sold { name } }' },
    });
    await served.inside.sold.untilReaders(1);
    served.inside.sold.push({ sold: { id: '1' } });
    expect(await reader.untilEvents(1)).toEqual([{ data: { sold: { name: 'product 1' } } }]);
    expect(reader.headers['content-encoding']).toBeUndefined();
    reader.leave();
  });
});
