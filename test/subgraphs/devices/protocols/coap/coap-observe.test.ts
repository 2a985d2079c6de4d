import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Downlink } from '../../../../../subgraphs/devices/sessions/session.js';
import type { CoapDatagrams } from '../../../../support/coap/coap-datagrams.js';
import { startCoapClient } from '../../../../support/coap/libcoap.js';
import { createNodeCoap, type NodeCoap } from '../../../../support/coap/node-coap.js';
import { describeWith } from '../../../../support/describe-with.js';
import { waitFor } from '../../../../support/wait-for.js';
import {
  coapOption as option,
  coapPath as path,
  openCoapServer,
  type TestCoapServer,
} from '../../support/coap-server.js';
import type { ProtocolRecord } from '../../support/protocol-deps.js';

const NEVER = new AbortController().signal;
const COMMAND: Downlink = {
  ...{ kind: 'command', id: 'cmd_1', action: 'restart', input: { delay: 3 }, payload: 'envelope' },
  expiresAt: new Date(Date.now() + 60_000),
};

describe('the CoAP server', () => {
  let open: TestCoapServer;
  let record: ProtocolRecord;
  let url: string;
  let client: NodeCoap;
  let raw: CoapDatagrams;

  beforeEach(async () => {
    open = await openCoapServer();
    ({ record, url, client, raw } = open);
  });
  afterEach(() => open.close());

  const post = (to: string, payload: string) => client.call(`${url}${to}`, { method: 'POST', payload });

  describe('sends down what a device observes', () => {
    it('as DELIVERED once it is acknowledged', async () => {
      raw.send({
        ...{ code: '0.01', confirmable: true, messageId: 1, token: Buffer.from('o') },
        options: [option('Observe', ''), ...path('commands'), option('Uri-Query', 'token=t-1')],
      });
      expect(await raw.next('the first answer')).toMatchObject({ code: '2.05', ack: true });
      const session = await waitFor('the session is open', () => record.sessions[0]);
      expect(session).toMatchObject({ deviceId: 'dev_1', protocol: 'COAP', credentialId: 'crd_1' });
      const sent = session.send(COMMAND, NEVER);
      const notification = await raw.next('the command', ({ code, ack }) => code === '2.05' && !ack);
      expect(notification).toMatchObject({ confirmable: true, token: Buffer.from('o') });
      expect(JSON.parse(notification.payload.toString())).toMatchObject({
        ...{ id: 'cmd_1', action: 'restart', input: { delay: 3 } },
      });
      raw.settle(notification, 'ack');
      expect(await sent).toBe('DELIVERED');
      expect(await post('/commands/cmd_1?token=t-1', '{"state":"EXECUTED"}')).toMatchObject({ code: '2.04' });
      expect(record.messages).toEqual(['answer cmd_1 dev_1 {"state":"EXECUTED"}']);
    });

    it.each(['reset', 'silence'] as const)('until it answers with %s', async (how) => {
      raw.send({
        ...{ code: '0.01', confirmable: true, messageId: 1, token: Buffer.from('o') },
        options: [option('Observe', ''), ...path('commands'), option('Uri-Query', 'token=t-1')],
      });
      const session = await waitFor('the session is open', () => record.sessions[0]);
      const sent = session.send(COMMAND, NEVER).catch((error: unknown) => error);
      const notification = await raw.next('the command', ({ code, ack }) => code === '2.05' && !ack);
      if (how === 'reset') raw.settle(notification, 'reset');
      expect(await sent).toMatchObject({ code: 'UNAVAILABLE' });
      expect(record.sessions).toEqual([]);
      expect(record.ended).toEqual(['did not answer']);
    });

    it('in one session, opened anew when it observes more', async () => {
      const commands = await client.observe(`${url}/commands?token=t-1`);
      const desired = await client.observe(`${url}/desired?token=t-1`);
      await waitFor('the first session has been replaced', () => record.ended.length === 1);
      const [session, ...others] = record.sessions;
      expect(others).toEqual([]);
      await session?.send({ kind: 'desired', version: 4, desired: { on: true } }, NEVER);
      await session?.send({ ...COMMAND, payload: 'input' }, NEVER);
      await waitFor('both have come', () => commands.texts.length === 2 && desired.texts.length === 2);
      expect(desired.texts).toEqual(['', '{"version":4,"desired":{"on":true}}']);
      expect(commands.texts).toEqual(['', '{"delay":3}']);
      session?.end('its credential is revoked');
      expect(record.sessions).toEqual([]);
    });

    it('in blocks when it is large, DELIVERED with the last of them', async () => {
      const get = (messageId: number, more: { readonly name: string; readonly value: Buffer }) => ({
        ...{ code: '0.01', confirmable: true, messageId, token: Buffer.from([messageId]) },
        options: [...path('desired'), option('Uri-Query', 'token=t-1'), more],
      });
      raw.send(get(1, option('Observe', '')));
      const session = await waitFor('the session is open', () => record.sessions[0]);
      const desired = { text: 'x'.repeat(2_500) };
      let delivered = false;
      const sent = session
        .send({ kind: 'desired', version: 1, desired }, NEVER)
        .then(() => (delivered = true));
      const first = await raw.next('the first block', ({ ack, code }) => code === '2.05' && !ack);
      raw.settle(first, 'ack');
      raw.send(get(2, option('Block2', Buffer.from([0x16]))));
      const second = await raw.next('the second', ({ messageId }) => messageId === 2);
      expect(delivered).toBe(false);
      raw.send(get(3, option('Block2', Buffer.from([0x26]))));
      const third = await raw.next('the third', ({ messageId }) => messageId === 3);
      await sent;
      const whole = Buffer.concat([first, second, third].map(({ payload }) => payload)).toString();
      expect(JSON.parse(whole)).toEqual({ version: 1, desired });
    });

    it('to no more devices than it is told', async () => {
      const others = [createNodeCoap(), createNodeCoap(), createNodeCoap()];
      const codes = await Promise.all(
        others.map((other) =>
          other
            .call(`${url}/commands?token=t-1`, { options: { Observe: Buffer.alloc(0) } })
            .then(({ code }) => code),
        ),
      );
      expect(codes.sort()).toEqual(['2.05', '2.05', '5.03']);
      for (const other of others) other.close();
    });

    it('and asks it after a silence whether it is there', async () => {
      raw.send({
        ...{ code: '0.01', confirmable: true, messageId: 1, token: Buffer.from('o') },
        options: [option('Observe', ''), ...path('commands'), option('Uri-Query', 'token=t-1')],
      });
      const ping = await raw.next('it is asked', ({ code, confirmable }) => code === '0.00' && confirmable);
      raw.settle(ping, 'reset');
      await raw.next('it is asked again', ({ code, confirmable }) => code === '0.00' && confirmable);
      await waitFor('it is gone', () => record.ended[0] === 'did not answer');
    });
  });

  describeWith({ programs: ['coap-client-notls'] }, 'with libcoap’s client', () => {
    it('brings it commands', async () => {
      const observer = startCoapClient('-w', '-s', '20', `${url}/commands?token=t-1`);
      try {
        const session = await waitFor('the session is open', () => record.sessions[0]);
        expect(await session.send(COMMAND, NEVER)).toBe('DELIVERED');
        await waitFor('it has come', () => observer.output().includes('"cmd_1"'));
        const large: Downlink = { ...COMMAND, payload: 'input', input: `${'x'.repeat(3_000)}-end` };
        expect(await session.send(large, NEVER)).toBe('DELIVERED');
        await waitFor('the large one has come', () => observer.output().includes('-end'));
      } finally {
        await observer.stop('SIGINT');
      }
    });
  });
});
