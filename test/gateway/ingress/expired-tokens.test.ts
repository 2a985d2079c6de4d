import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { SignJWT } from 'jose';
import { createTokenIdentify } from '../../../kernel/identity/json-web-tokens.js';
import { serveGateway, type ServedGateway } from '../../support/gateway-server.js';
import { openStream } from '../../support/stream-reader.js';
import { openSubscriber } from '../../support/subscriber.js';

const SECRET = 'a-secret-that-is-at-least-32-characters';
const SOLD = 'subscription { sold { id } }';
const EXPIRED = { extensions: { code: 'UNAUTHENTICATED', retryable: false, reason: 'TOKEN_EXPIRED' } };

let served: ServedGateway;
afterEach(() => served.close());

async function serve(): Promise<void> {
  served = await serveGateway({
    open: false,
    identify: createTokenIdentify({
      secret: SECRET,
      algorithms: ['HS256'],
      subjectClaim: 'sub',
      workspaceClaim: 'workspace',
      rolesClaim: 'roles',
      clockToleranceS: 0,
    }),
  });
}

/** A token that is good for some seconds. */
async function sign(seconds: number, subject = 'anna'): Promise<string> {
  const exp = Math.ceil(Date.now() / 1_000) + seconds;
  const token = new SignJWT({ sub: subject, exp }).setProtectedHeader({ alg: 'HS256' });
  return `Bearer ${await token.sign(new TextEncoder().encode(SECRET))}`;
}

describe('a token that expires', () => {
  it('ends its WebSocket behind an error for each subscription, and leaves those of others', async () => {
    await serve();
    const lasting = await openSubscriber(served.webSocketUrl, { authorization: await sign(60) });
    lasting.subscribe({ query: SOLD });
    const client = await openSubscriber(served.webSocketUrl, { authorization: await sign(1) });
    const ids = [SOLD, 'subscription { sold { name } }'].map((query) => client.subscribe({ query }));
    await served.inside.sold.untilReaders(2);
    expect(await client.closed).toEqual([4403, 'Token expired']);
    const [, ...told] = client.heard;
    expect(told).toMatchObject(ids.map((id) => ({ id, type: 'error', payload: [EXPIRED] })));
    // The same subject shares the one that goes on.
    await served.inside.sold.untilReaders(1);
    served.inside.sold.push({ sold: { id: '1' } });
    expect(await lasting.untilEvents(1)).toEqual([{ data: { sold: { id: '1' } } }]);
    lasting.socket.terminate();
  });

  it.each(['text/event-stream', 'multipart/mixed;subscriptionSpec=1.0'])(
    'ends its stream with a reason: %s',
    async (accept) => {
      await serve();
      const reader = await openStream(`${served.url}/graphql`, {
        headers: { 'content-type': 'application/json', accept, authorization: await sign(1) },
        body: { query: SOLD },
      });
      await served.inside.sold.untilReaders(1);
      await reader.untilEnd();
      expect(reader.events()).toMatchObject([{ errors: [EXPIRED] }]);
      await served.inside.sold.untilReaders(0);
    },
  );

  it('lets nobody in afterwards, and says why where there is a way to', async () => {
    await serve();
    const authorization = await sign(-2);
    const refused = await served.post({ query: '{ hello }' }, { authorization });
    expect([refused.status, refused.json]).toMatchObject([401, { errors: [EXPIRED] }]);
    const socket = served.openSocket();
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization } }));
    expect((await once(socket, 'close'))[0]).toBe(4403);
    const letIn = await served.post({ query: '{ whoAsks }' }, { authorization: await sign(60, 'bert') });
    expect(letIn.json).toMatchObject({ data: { whoAsks: expect.stringMatching(/^bert /) } });
  });
});
