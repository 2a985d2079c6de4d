import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AegisError } from '../../../../../kernel/errors/aegis-error.js';
import { createCoapServer } from '../../../../../subgraphs/devices/protocols/coap/coap-server.js';
import type { CoapDatagrams } from '../../../../support/coap/coap-datagrams.js';
import { runCoapClient } from '../../../../support/coap/libcoap.js';
import type { NodeCoap } from '../../../../support/coap/node-coap.js';
import { describeWith } from '../../../../support/describe-with.js';
import {
  coapOption as option,
  coapPath as path,
  openCoapServer,
  type TestCoapServer,
} from '../../support/coap-server.js';
import type { ProtocolRecord } from '../../support/protocol-deps.js';

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

  const post = (
    to: string,
    payload: string | Uint8Array,
    options: Record<string, string | number | Buffer> = {},
  ) => client.call(`${url}${to}`, { method: 'POST', payload, options });

  it('answers 2.04 to telemetry when it is stored, with its format told by name', async () => {
    expect(
      await post('/default/boiler/telemetry?token=t-all', '{"t":1}', { 'Content-Format': 50 }),
    ).toMatchObject({
      code: '2.04',
    });
    expect(await post('/telemetry?token=t-1', Buffer.from([0xa0]), { 'Content-Format': 60 })).toMatchObject({
      code: '2.04',
    });
    expect(record.telemetry.map(({ device, contentType, source }) => [device, contentType, source])).toEqual([
      ['dev_1', 'application/json', '/default/boiler/telemetry'],
      ['dev_1', 'application/cbor', '/telemetry'],
    ]);
    expect(record.seen).toEqual(['dev_1', 'dev_1']);
  });

  it('takes credentials from its own option and as a user name with a password', async () => {
    expect(await post('/telemetry', '{}', { '65000': Buffer.from('t-1') })).toMatchObject({ code: '2.04' });
    expect(await post('/telemetry?username=boiler&password=secret', '{}')).toMatchObject({ code: '2.04' });
  });

  it.each([
    ['4.01', '/default/boiler/telemetry?token=wrong', '{}', {}],
    ['4.03', '/default/pump/telemetry?token=t-1', '{}', {}],
    ['4.03', '/other/boiler/telemetry?token=t-all', '{}', {}],
    ['4.04', '/default/nothing/telemetry?token=t-all', '{}', {}],
    ['4.04', '/default/boiler/nothing?token=t-all', '{}', {}],
    ['4.00', '/telemetry?token=t-all', '{}', {}],
    ['4.00', '/telemetry?token=t-1', '', {}],
    ['4.15', '/telemetry?token=t-1', '{}', { 'Content-Format': 41 }],
    ['4.02', '/telemetry?token=t-1', '{}', { '65001': Buffer.from('x') }],
  ])('answers %s to %s with the reason in words', async (code, to, payload, options) => {
    const answer = await post(to, payload, options);
    expect(answer).toMatchObject({ code });
    expect(answer.text).toMatch(/^CoAP: /);
    expect(record.telemetry).toEqual([]);
  });

  it('has no method DELETE', async () => {
    expect(await client.call(`${url}/telemetry?token=t-1`, { method: 'DELETE' })).toMatchObject({
      code: '4.05',
    });
  });

  it('tells when to come back while it cannot store more', async () => {
    record.hold(() =>
      Promise.reject(new AegisError('RATE_LIMITED', 'the queue is full.', { retryAfterMs: 6_400 })),
    );
    expect(await post('/telemetry?token=t-1', '{}')).toMatchObject({
      code: '5.03',
      headers: { 'Max-Age': 7 },
    });
  });

  it('takes a repeated message once and answers it the same', async () => {
    const packet = {
      ...{
        code: '0.02',
        confirmable: true,
        messageId: 77,
        token: Buffer.from('a'),
        payload: Buffer.from('{}'),
      },
      options: [...path('telemetry'), option('Uri-Query', 'token=t-1')],
    };
    raw.send(packet);
    const first = await raw.next('the answer');
    raw.send(packet);
    expect(await raw.next('the same answer')).toEqual(first);
    expect(first).toMatchObject({ code: '2.04', ack: true, messageId: 77 });
    expect(record.telemetry).toHaveLength(1);
  });

  it('takes a message once that is repeated while it is being stored, and answers when it is', async () => {
    let store: () => void = () => undefined;
    record.hold(() => new Promise((resolve) => (store = resolve)));
    const packet = {
      ...{
        code: '0.02',
        confirmable: true,
        messageId: 78,
        token: Buffer.from('b'),
        payload: Buffer.from('{}'),
      },
      options: [...path('telemetry'), option('Uri-Query', 'token=t-1')],
    };
    raw.send(packet);
    raw.send(packet);
    expect(await raw.next('an empty acknowledgement')).toMatchObject({
      code: '0.00',
      ack: true,
      messageId: 78,
    });
    raw.send(packet);
    await raw.next('the acknowledgement again', ({ code, ack }) => code === '0.00' && ack);
    expect(raw.received.some(({ code }) => code === '2.04')).toBe(false);
    store();
    const answer = await raw.next('the answer', ({ code }) => code === '2.04');
    expect(answer).toMatchObject({ confirmable: true, token: Buffer.from('b') });
    raw.settle(answer, 'ack');
    expect(record.telemetry).toHaveLength(1);
  });

  it('leaves what comes after it stops unanswered, and answers what came before', async () => {
    let store: () => void = () => undefined;
    record.hold(() => new Promise((resolve) => (store = resolve)));
    const packet = (messageId: number) => ({
      ...{
        code: '0.02',
        confirmable: true,
        messageId,
        token: Buffer.from([messageId]),
        payload: Buffer.from('{}'),
      },
      options: [...path('telemetry'), option('Uri-Query', 'token=t-1')],
    });
    raw.send(packet(1));
    await raw.next('it is acknowledged as taken', ({ code }) => code === '0.00');
    await open.server.stopAccepting();
    raw.send(packet(2));
    const closed = open.server.close();
    store();
    const answer = await raw.next('the answer', ({ code }) => code === '2.04');
    expect(answer.token).toEqual(Buffer.from([1]));
    raw.settle(answer, 'ack');
    await closed;
    expect(record.telemetry).toHaveLength(1);
    expect(open.server.health().state).toBe('DOWN');
  });

  it('refuses what is no CoAP, and goes on', async () => {
    raw.sendBytes(Buffer.from([0x40, 0x01, 0x12, 0x34, 0xff - 0x10, 1]));
    raw.sendBytes(Buffer.from('hello'));
    expect(await raw.next('it is refused')).toMatchObject({ reset: true, messageId: 0x1234 });
    raw.send({ code: '0.00', confirmable: true, messageId: 5 });
    expect(await raw.next('a ping is answered')).toMatchObject({ reset: true, messageId: 5 });
    expect(await post('/telemetry?token=t-1', '{}')).toMatchObject({ code: '2.04' });
  });

  describe('with bodies in blocks', () => {
    const block = (number: number, more: boolean, payload: string, messageId: number) => ({
      ...{
        code: '0.02',
        confirmable: true,
        messageId,
        token: Buffer.from([messageId]),
        payload: Buffer.from(payload),
      },
      options: [
        ...path('telemetry'),
        option('Uri-Query', 'token=t-1'),
        option('Block1', Buffer.from([number * 16 + (more ? 8 : 0)])),
      ],
    });

    it('puts them together', async () => {
      const text = JSON.stringify({ values: 'x'.repeat(5_000) });
      expect(await post('/telemetry?token=t-1', text, { Block1: Buffer.from([0x02]) })).toMatchObject({
        code: '2.04',
      });
      expect(record.telemetry[0]?.text).toBe(text);
    });

    it('asks to begin again when one is missing', async () => {
      raw.send(block(0, true, '0123456789abcdef', 1));
      expect(await raw.next('the first is taken')).toMatchObject({ code: '2.31' });
      raw.send(block(2, false, 'rest', 2));
      expect(await raw.next('the third is refused')).toMatchObject({ code: '4.08' });
      raw.send(block(1, false, 'rest', 3));
      expect(await raw.next('the second is taken')).toMatchObject({ code: '2.04' });
      expect(record.telemetry.map(({ text }) => text)).toEqual(['0123456789abcdefrest']);
    });

    it('refuses a body that is too large, at the first block when its size is told', async () => {
      const big = 'x'.repeat(10_001);
      expect(await post('/telemetry?token=t-1', big, { Block1: Buffer.from([0x06]) })).toMatchObject({
        code: '4.13',
      });
      const first = block(0, true, '0123456789abcdef', 9);
      raw.send({ ...first, options: [...first.options, option('Size1', Buffer.from([0xff, 0xff]))] });
      expect(await raw.next('it is refused')).toMatchObject({ code: '4.13' });
      expect(record.telemetry).toEqual([]);
    });

    it('keeps no block of somebody who is not let in', async () => {
      const first = block(0, true, '0123456789abcdef', 4);
      raw.send({ ...first, options: first.options.filter(({ name }) => name !== 'Uri-Query') });
      expect(await raw.next('it is refused')).toMatchObject({ code: '4.01' });
    });
  });

  it('trades a claim code for a token', async () => {
    const answer = await post('/provision', '{"code":"good-code","name":"new"}', { 'Content-Format': 50 });
    expect(answer).toMatchObject({ code: '2.01' });
    expect(JSON.parse(answer.text)).toEqual({
      workspace: 'default',
      deviceId: 'dev_9',
      name: 'new',
      token: 't-9',
    });
    expect(await post('/provision', 'bad-code', { 'Content-Format': 0 })).toMatchObject({ code: '4.03' });
  });

  it('takes reports and events', async () => {
    expect(await post('/reported?token=t-1', '{"firmware":"2"}')).toMatchObject({ code: '2.04' });
    expect(await post('/default/pump/events?token=t-all', '{"event":"leak"}')).toMatchObject({
      code: '2.04',
    });
    expect(record.messages).toEqual(['report dev_1 {"firmware":"2"}', 'event dev_2 {"event":"leak"}']);
  });

  it('lists its resources', async () => {
    const { code, text, headers } = await client.call(`${url}/.well-known/core`);
    expect({ code, format: headers['Content-Format'] }).toEqual({
      code: '2.05',
      format: 'application/link-format',
    });
    expect(text).toContain('</commands>;rt="aegis.command";ct="50 60";obs');
  });

  it('says which port is taken', async () => {
    const second = createCoapServer({
      ...record.deps,
      ...{ host: '127.0.0.1', port: Number(new URL(url).port), maxObservers: 1 },
      findDeviceId: async () => undefined,
    });
    await expect(second.start()).rejects.toMatchObject({ code: 'CONFLICT' });
    await second.close();
  });

  describeWith({ programs: ['coap-client-notls'] }, 'with libcoap’s client', () => {
    it('takes telemetry, in blocks too', async () => {
      const text = JSON.stringify({ note: 'y'.repeat(3_000) });
      await runCoapClient(
        '-m',
        'post',
        '-t',
        '50',
        '-e',
        '{"t":1}',
        `${url}/default/boiler/telemetry?token=t-all`,
      );
      await runCoapClient(
        '-m',
        'put',
        '-t',
        '50',
        '-O',
        '65000,t-1',
        '-b',
        '256',
        '-e',
        text,
        `${url}/telemetry`,
      );
      expect(record.telemetry.map((one) => one.text)).toEqual(['{"t":1}', text]);
    });

    it('tells why something is refused', async () => {
      expect(await runCoapClient('-m', 'post', '-e', '{}', `${url}/telemetry?token=no`)).toContain('4.01');
    });

    it('takes a message once that is lost on the way back', async () => {
      // The client loses its own first datagram and sends it again.
      await runCoapClient('-l', '1', '-m', 'post', '-e', '{}', `${url}/telemetry?token=t-1`);
      expect(record.telemetry).toHaveLength(1);
    });
  });
});
