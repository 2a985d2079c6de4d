import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createServer, type IncomingMessage, type ObserveWriteStream, type OutgoingMessage } from 'coap';
import { DEFAULT_WORKSPACE } from '../../../../../kernel/identity/principal.js';
import { parseEndpoint } from '../../../../../subgraphs/devices/endpoints/endpoint.js';
import {
  createFindRemote,
  parseNetwork,
} from '../../../../../subgraphs/devices/protocols/coap/coap-addresses.js';
import { createCoapClient } from '../../../../../subgraphs/devices/protocols/coap/coap-client.js';
import { COAP_TIMING } from '../../../../../subgraphs/devices/protocols/coap/coap-timing.js';
import type { Protocol } from '../../../../../subgraphs/devices/protocols/protocol.js';
import { startCoapServer } from '../../../../support/coap/libcoap.js';
import { describeWith } from '../../../../support/describe-with.js';
import { findFreePort } from '../../../../support/free-port.js';
import { waitFor } from '../../../../support/wait-for.js';
import { recordProtocol, type ProtocolRecord } from '../../support/protocol-deps.js';
import { testProfile } from '../../support/test-profile.js';

const NEVER = new AbortController().signal;
const TIMING = { ...COAP_TIMING, ackTimeoutMs: 40, maxRetransmit: 2 };
const LOOPBACK = parseNetwork('127.0.0.0/8');

type Resource = (request: IncomingMessage, response: OutgoingMessage | ObserveWriteStream) => void;

/** A device that serves resources by another implementation of CoAP. */
async function openDevice(resources: Readonly<Record<string, Resource>>, port = 0) {
  const server = createServer({ type: 'udp4' });
  server.on('request', (request: IncomingMessage, response: OutgoingMessage) => {
    const resource = resources[request.url.split('?')[0] ?? ''];
    if (resource) resource(request, response);
    else {
      response.code = '4.04';
      response.end();
    }
  });
  const listening = new Promise<void>((resolve) => server.listen(port, '127.0.0.1', () => resolve()));
  await listening;
  const { port: given } = (server as unknown as { _sock: { address(): { port: number } } })._sock.address();
  return {
    port: given,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

describe('the CoAP client', () => {
  let record: ProtocolRecord;
  let clients: Protocol[];
  const closers: (() => unknown)[] = [];
  let change: (workspace: typeof DEFAULT_WORKSPACE, deviceId: string) => void = () => undefined;

  beforeEach(() => {
    record = recordProtocol();
    clients = [];
  });
  afterEach(async () => {
    for (const client of clients) await client.close();
    for (const close of closers.splice(0)) await close();
  });

  async function callOn(
    places: () => string,
    coap: Readonly<Record<string, unknown>>,
    networks = LOOPBACK ? [LOOPBACK] : [],
  ): Promise<Protocol> {
    const client = createCoapClient({
      ...record.deps,
      ...{ workspaces: [DEFAULT_WORKSPACE], timing: TIMING, backoffMs: 50 },
      endpoints: {
        async list() {
          const endpoint = parseEndpoint(places());
          if (endpoint?.kind !== 'coap') return [];
          return [{ workspace: DEFAULT_WORKSPACE, deviceId: 'dev_1', endpoint }] as never;
        },
        onChange(listener) {
          change = listener;
          return () => undefined;
        },
      },
      profileOf: async () => testProfile({ coap }),
      findRemote: createFindRemote(networks),
    });
    clients.push(client);
    await client.start();
    return client;
  }

  const open = async (resources: Readonly<Record<string, Resource>>, port?: number) => {
    const device = await openDevice(resources, port);
    closers.push(() => device.close());
    return device;
  };

  it('polls a resource that holds one property, and hands it on as ours', async () => {
    let value = 20;
    const { port } = await open({ '/t': (_request, response) => response.end(String((value += 1))) });
    await callOn(() => `coap://127.0.0.1:${port}`, {
      resources: [{ path: '/t', property: 'temperature', intervalSeconds: 1 }],
    });
    await waitFor('it was read twice', () => record.telemetry.length >= 2);
    expect(
      record.telemetry.slice(0, 2).map(({ text, device, contentType }) => [device, contentType, text]),
    ).toEqual([
      ['dev_1', 'application/json', '{"temperature":21}'],
      ['dev_1', 'application/json', '{"temperature":22}'],
    ]);
    expect(record.sessions).toHaveLength(1);
  });

  it('reads a body that comes in blocks', async () => {
    const text = JSON.stringify({ note: 'z'.repeat(4_000) });
    const { port } = await open({ '/large': (_request, response) => response.end(text) });
    await callOn(() => `coap://127.0.0.1:${port}`, { resources: [{ path: '/large' }] });
    await waitFor('it has come', () => record.telemetry.length === 1);
    expect(record.telemetry[0]?.text).toBe(text);
  });

  it('puts desired values and posts actions, and tells what came of them', async () => {
    const written: string[] = [];
    const write: Resource = (request, response) => {
      written.push(`${request.method} ${request.url} ${request.payload.toString()}`);
      response.code = '2.04';
      response.end(request.method === 'POST' ? '{"ok":true}' : '');
    };
    const { port } = await open({
      '/t': (_request, response) => response.end('1'),
      '/interval': write,
      '/restart': write,
    });
    await callOn(() => `coap://127.0.0.1:${port}`, {
      resources: [{ path: '/t', property: 'temperature' }],
      properties: { interval: { path: '/interval' } },
      actions: { restart: { path: '/restart' } },
    });
    const session = await waitFor('it is connected', () => record.sessions[0]);
    await session.send({ kind: 'desired', version: 2, desired: { interval: 30, other: 1 } }, NEVER);
    const command = { kind: 'command', id: 'cmd_1', input: { in: 5 }, payload: 'envelope' } as const;
    const expiresAt = new Date(Date.now() + 60_000);
    expect(await session.send({ ...command, expiresAt, action: 'restart' }, NEVER)).toBe('DELIVERED');
    await session.send({ ...command, expiresAt, action: 'unknown' }, NEVER);
    expect(written).toEqual(['PUT /interval 30', 'POST /restart {"in":5}']);
    expect(record.messages).toEqual([
      'report dev_1 {"interval":30}',
      'answer cmd_1 dev_1 {"state":"EXECUTED","output":"{\\"ok\\":true}"}',
      expect.stringContaining('"FAILED"'),
    ]);
  });

  it('is disconnected while the device does not answer, and connected when it does again', async () => {
    const resources = { '/t': ((_request, response) => response.end('1')) satisfies Resource };
    const device = await openDevice(resources);
    await callOn(() => `coap://127.0.0.1:${device.port}`, {
      resources: [{ path: '/t', property: 'temperature', intervalSeconds: 1 }],
    });
    await waitFor('it is connected', () => record.sessions.length === 1);
    await device.close();
    await waitFor('it is not', () => record.sessions.length === 0);
    expect(record.ended).toEqual(['it does not answer']);
    await open(resources, device.port);
    await waitFor('it is again', () => record.sessions.length === 1);
  });

  it('follows a device to another place', async () => {
    const first = await open({ '/t': (_request, response) => response.end('1') });
    const second = await open({ '/t': (_request, response) => response.end('2') });
    let { port } = first;
    await callOn(() => `coap://127.0.0.1:${port}`, { resources: [{ path: '/t', property: 'temperature' }] });
    await waitFor('the first was read', () =>
      record.telemetry.some(({ text }) => text === '{"temperature":1}'),
    );
    ({ port } = second);
    change(DEFAULT_WORKSPACE, 'dev_1');
    await waitFor('the second was read', () =>
      record.telemetry.some(({ text }) => text === '{"temperature":2}'),
    );
    expect(record.sessions).toHaveLength(1);
  });

  it('calls on no private address that no setting opens', async () => {
    await expect(createFindRemote([])('127.0.0.1', 5683)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(createFindRemote([])('[::1]', 5683)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(createFindRemote([])('169.254.169.254', 5683)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(createFindRemote([])('nothing.invalid', 5683)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    expect(await createFindRemote([])('9.9.9.9', 5683)).toEqual({ address: '9.9.9.9', port: 5683 });
    expect(parseNetwork('10.0.0.0/33')).toBeUndefined();
    expect(parseNetwork('fd00::/8')).toEqual({ address: 'fd00::', prefix: 8 });
  });

  describeWith({ programs: ['coap-server-notls', 'coap-client-notls'] }, 'with libcoap’s server', () => {
    it('observes its clock', async () => {
      const port = await findFreePort();
      const server = await startCoapServer(port);
      closers.push(() => server.stop());
      await callOn(() => server.url, { resources: [{ path: '/time', observe: true }] });
      await waitFor('the clock was told three times', () => record.telemetry.length >= 3);
      expect(new Set(record.telemetry.map(({ text }) => text)).size).toBeGreaterThanOrEqual(2);
      await waitFor('it is connected', () => record.sessions.length === 1);
    });
  });
});
