import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../kernel/database/database.js';
import type { Identify } from '../../../../kernel/graphql/subgraph.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { findProgram } from '../../../support/find-program.js';
import { waitFor } from '../../../support/wait-for.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { createCredential, postTelemetry } from '../support/identity.js';
import { connectMqtt, untilClosed } from '../support/mqtt.js';
import { newWorkspace, openDevices, type TestDevices } from '../support/open-devices.js';

const opened = createOpened();
const openedByTest = createOpened();
let database: Database;
let devices: TestDevices;
let deviceId: string;

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
}, OPEN_DEADLINE_MS);
afterAll(opened.close);
beforeEach(async () => {
  devices = openedByTest.keep(await openDevices({ database, identify: () => undefined }));
  deviceId = await devices.register('sensor');
});
afterEach(openedByTest.close);

const CREDENTIALS = `query ($id: ID!) { device(id: $id) { credentials {
  id kind label username lastFour createdAt expiresAt revokedAt lastUsedAt } } }`;
const REVOKE = `mutation ($id: ID!) { revokeDeviceCredential(input: { id: $id }) {
  credential { id revokedAt } userErrors { code path } } }`;

const post = (token: string, device = 'sensor') =>
  postTelemetry(devices, device, { authorization: `Bearer ${token}` });

async function listCredentials() {
  const { device } = await devices.ask(CREDENTIALS, { id: deviceId });
  return device?.credentials ?? [];
}

describe('credentials of a device', () => {
  it('shows a token once, and lets it in for its own device alone', async () => {
    await devices.register('other');
    const { token = '', credential } = await createCredential(devices, {
      deviceId,
      kind: 'TOKEN',
      label: 'roof',
    });
    expect(token).toMatch(/^aegis_dev_[\w-]{43}$/);
    expect([await post(token), await post(token, deviceId), await post(token, 'other')]).toEqual([
      200, 200, 403,
    ]);
    expect(await listCredentials()).toMatchObject([
      { id: credential?.id, kind: 'TOKEN', label: 'roof', username: null, lastFour: token.slice(-4) },
    ]);
  });

  it('keeps nothing of a secret but its digest', async () => {
    const { token = '' } = await createCredential(devices, { deviceId, kind: 'TOKEN' });
    const { client } = database.inWorkspace(devices.workspace);
    const rows = JSON.stringify(
      [await client.deviceCredential.findMany(), await client.event.findMany()],
      (_key, value) => (typeof value === 'bigint' ? String(value) : (value as unknown)),
    );
    expect(rows).toContain(token.slice(-4));
    expect(rows).not.toContain(token.slice(0, 30));
  });

  it('refuses a revoked token everywhere from the answer on, and cuts the connection that came with it', async () => {
    const { token = '', credential } = await createCredential(devices, { deviceId, kind: 'TOKEN' });
    expect(await post(token)).toBe(200);
    const client = await connectMqtt(devices.mqttUrl, { username: 'x', password: token });
    openedByTest.keep({ close: () => client.endAsync(true) });
    const closed = untilClosed(client);
    await devices.ask(REVOKE, { id: credential?.id });
    expect(await post(token)).toBe(401);
    await closed;
    await expect(connectMqtt(devices.mqttUrl, { username: 'x', password: token })).rejects.toThrow();
    expect((await listCredentials())[0]?.revokedAt).toEqual(expect.any(String));
  });

  it('cuts connections when the revocation happened in another process', async () => {
    const { token = '', credential } = await createCredential(devices, { deviceId, kind: 'TOKEN' });
    const client = await connectMqtt(devices.mqttUrl, { username: 'x', password: token });
    openedByTest.keep({ close: () => client.endAsync(true) });
    const closed = untilClosed(client);
    const { workspace, bus } = devices;
    const other = openedByTest.keep(await openDevices({ database, workspace, bus }));
    await other.ask(REVOKE, { id: credential?.id });
    await closed;
    expect(await post(token)).toBe(401);
  });

  it('goes with its device', async () => {
    const { token = '' } = await createCredential(devices, { deviceId, kind: 'TOKEN' });
    expect(await post(token)).toBe(200);
    await devices.ask('mutation ($id: ID!) { removeDevice(input: { id: $id }) { deviceId } }', {
      id: deviceId,
    });
    await waitFor('it is refused', async () => (await post(token)) === 401);
  });

  it('lets in by username and password, neither of them alone', async () => {
    const { credential, password = '' } = await createCredential(devices, { deviceId, kind: 'PASSWORD' });
    const username = credential?.username ?? '';
    const client = await connectMqtt(devices.mqttUrl, { username, password });
    await client.publishAsync(`aegis/${devices.workspace}/sensor/telemetry`, '{"temperature": 1}', {
      qos: 1,
    });
    await client.endAsync();
    await expect(connectMqtt(devices.mqttUrl, { username, password: 'x' })).rejects.toThrow();
    await expect(connectMqtt(devices.mqttUrl, { username: 'x', password })).rejects.toThrow();
    const basic = Buffer.from(`${username}:${password}`).toString('base64');
    expect(await postTelemetry(devices, 'sensor', { authorization: `Basic ${basic}` })).toBe(200);
  });

  it('refuses a credential from the instant on at which it expires', async () => {
    const expiresAt = new Date(Date.now() + 700).toISOString();
    const { token = '' } = await createCredential(devices, { deviceId, kind: 'TOKEN', expiresAt });
    expect(await post(token)).toBe(200);
    await waitFor('it is refused', async () => (await post(token)) === 401);
  });

  it('tells when a credential was last used, once that is stored', async () => {
    const { token = '' } = await createCredential(devices, { deviceId, kind: 'TOKEN' });
    await post(token);
    const { workspace } = devices;
    await devices.close();
    devices = openedByTest.keep(await openDevices({ database, workspace }));
    expect((await listCredentials())[0]?.lastUsedAt).toEqual(expect.any(String));
  });

  it('counts failures by address, and lets in meanwhile who is good, seen before or not', async () => {
    const { token = '' } = await createCredential(devices, { deviceId, kind: 'TOKEN' });
    const { workspace } = devices;
    await devices.close();
    const principal = { subject: 'key', workspace, roles: [] };
    const identify: Identify = ({ token: key }) => (key === 'good-key' ? principal : undefined);
    devices = openedByTest.keep(await openDevices({ database, workspace, identify }));
    const guesses = await Promise.all(
      Array.from({ length: 20 }, (_, index) => post(`aegis_dev_guess-${index}`)),
    );
    expect(new Set(guesses)).toEqual(new Set([401]));
    expect(await post('aegis_dev_one-more')).toBe(429);
    expect(await post('no-key')).toBe(429);
    expect(await post(token)).toBe(200);
    expect(await post('good-key')).toBe(200);
  });

  it.each<[string, Record<string, unknown>, string, string]>([
    ['a device that is not there', { deviceId: 'dev_x', kind: 'TOKEN' }, 'NOT_FOUND', 'deviceId'],
    [
      'an end in the past',
      { kind: 'TOKEN', expiresAt: '2020-01-01T00:00:00Z' },
      'BAD_USER_INPUT',
      'expiresAt',
    ],
    ['an empty label', { kind: 'TOKEN', label: '' }, 'BAD_USER_INPUT', 'label'],
    ['no certificate', { kind: 'CERTIFICATE' }, 'BAD_USER_INPUT', 'certificate'],
    [
      'garbage for one',
      { kind: 'CERTIFICATE', certificate: '-----BEGIN CERTIFICATE-----' },
      'BAD_USER_INPUT',
      'certificate',
    ],
    ['a certificate for a token', { kind: 'TOKEN', certificate: 'x' }, 'BAD_USER_INPUT', 'certificate'],
  ])('refuses %s', async (_what, input, code, field) => {
    const { userErrors } = await createCredential(devices, { deviceId, ...input });
    expect(userErrors).toMatchObject([{ code, path: [field] }]);
  });

  it('makes at most 20 that can be used', async () => {
    for (let made = 0; made < 20; made += 1) await createCredential(devices, { deviceId, kind: 'TOKEN' });
    expect((await createCredential(devices, { deviceId, kind: 'TOKEN' })).userErrors).toMatchObject([
      { code: 'CONFLICT' },
    ]);
    await devices.ask(REVOKE, { id: (await listCredentials())[0]?.id });
    expect((await createCredential(devices, { deviceId, kind: 'TOKEN' })).userErrors).toEqual([]);
  });

  it('refuses a token of a device of another workspace than those that are served', async () => {
    const { token = '' } = await createCredential(devices, { deviceId, kind: 'TOKEN' });
    const elsewhere = openedByTest.keep(await openDevices({ database, workspace: newWorkspace() }));
    expect(await postTelemetry(elsewhere, 'sensor', { authorization: `Bearer ${token}` })).toBe(401);
  });
});

const openssl = findProgram('openssl');
(openssl === undefined ? describe.skip : describe)('certificates of devices', () => {
  it('lets in over TLS by the fingerprint, and nobody by another certificate', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'aegis-certificates-'));
    openedByTest.keep({ close: () => rm(folder, { recursive: true, force: true }) });
    const make = async (name: string) => {
      const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
      const files = ['-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.pem`)];
      const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
      await promisify(execFile)(openssl ?? '', ['req', '-x509', ...kind, ...subject, ...files]);
      return {
        cert: await readFile(join(folder, `${name}.pem`)),
        key: await readFile(join(folder, `${name}.key`)),
      };
    };
    const [broker, known, unknown] = [await make('broker'), await make('known'), await make('unknown')];
    const { workspace } = devices;
    await devices.close();
    devices = openedByTest.keep(
      await openDevices({
        ...{ database, workspace, identify: () => undefined },
        env: {
          AEGIS_MQTT_TLS_PORT: '0',
          AEGIS_MQTT_CERT_FILE: join(folder, 'broker.pem'),
          AEGIS_MQTT_KEY_FILE: join(folder, 'broker.key'),
        },
      }),
    );
    const { credential } = await createCredential(devices, {
      ...{ deviceId, kind: 'CERTIFICATE', certificate: known.cert.toString() },
    });
    const url = devices.subgraph.endpoints?.()['mqtts'] ?? '';
    expect(url).toMatch(/^mqtts:/);
    const client = await connectMqtt(url, { ...known, ca: broker.cert });
    openedByTest.keep({ close: () => client.endAsync(true) });
    await client.publishAsync(`aegis/${workspace}/sensor/telemetry`, '{"temperature": 1}', { qos: 1 });
    expect(await database.inWorkspace(workspace).client.reading.count()).toBe(1);
    await expect(connectMqtt(url, { ...unknown, ca: broker.cert })).rejects.toThrow();
    const closed = untilClosed(client);
    await devices.ask(REVOKE, { id: credential?.id });
    await closed;
    const again = { deviceId, kind: 'CERTIFICATE', certificate: known.cert.toString() };
    expect((await createCredential(devices, again)).userErrors).toMatchObject([{ code: 'CONFLICT' }]);
  });
});
