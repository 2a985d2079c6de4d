import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { Database } from '../../../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../../../kernel/identity/principal.js';
import {
  createCertificates,
  readPem,
  type CertificateFiles,
  type Certificates,
} from '../../../../support/certificates.js';
import { runProgram } from '../../../../support/child-process.js';
import { describeWith } from '../../../../support/describe-with.js';
import { openTestDatabase } from '../../../../support/embedded-database.js';
import { findProgram } from '../../../../support/find-program.js';
import { startMosquitto } from '../../../../support/mosquitto.js';
import { waitFor } from '../../../../support/wait-for.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../../support/opened.js';
import { createCredential } from '../../support/identity.js';
import { newWorkspace, openDevices, type TestDevices } from '../../support/open-devices.js';

const PROGRAMS = ['mosquitto', 'mosquitto_pub', 'mosquitto_sub', 'openssl'] as const;
const REGISTER = `mutation ($input: RegisterDeviceInput!) { registerDevice(input: $input) { device { id } } }`;
const SEND = `mutation ($input: SendCommandInput!) { sendCommand(input: $input) { userErrors { message } } }`;
const STATE = `query ($id: ID!) { device(id: $id) { commands(first: 1) { edges { node { state } } } } }`;

describeWith({ programs: PROGRAMS }, 'the programs of Mosquitto as devices', () => {
  const opened = createOpened();
  const openedByTest = createOpened();
  let database: Database;
  let certificates: Certificates;
  let broker: CertificateFiles;
  let workspace: WorkspaceId;

  beforeAll(async () => {
    database = opened.keep(await openTestDatabase());
    certificates = opened.keep(await createCertificates());
    broker = await certificates.sign('broker');
  }, OPEN_DEADLINE_MS);
  afterAll(opened.close);
  beforeEach(() => {
    workspace = newWorkspace();
  });
  afterEach(openedByTest.close);

  /** Opens the subgraph with a device named `sensor`; who brings no credential of it is not let in. */
  async function open(env: Readonly<Record<string, string>> = {}) {
    const devices = openedByTest.keep(
      await openDevices({ database, workspace, env, identify: () => undefined }),
    );
    const input = { name: 'sensor', profile: 'temperature-humidity' };
    const { registerDevice } = await devices.ask(REGISTER, { input });
    return { devices, deviceId: registerDevice.device?.id ?? '' };
  }

  const tlsOfBroker = (more: Readonly<Record<string, string>> = {}) => ({
    AEGIS_MQTT_TLS_PORT: '0',
    AEGIS_MQTT_CERT_FILE: broker.certificate,
    AEGIS_MQTT_KEY_FILE: broker.key,
    ...more,
  });
  const tlsUrl = (devices: TestDevices) => devices.subgraph.endpoints?.()['mqtts'] ?? '';

  /** Where a program connects to, what it asks for, and with what. */
  function argumentsFor(url: string, topic: string, more: readonly string[]): string[] {
    const { hostname, port } = new URL(url);
    return ['-h', hostname, '-p', port, '-q', '1', '-t', `aegis/${workspace}/${topic}`, ...more];
  }

  /** Publishes one value with QoS 1. Errors: when the program ends with one. */
  async function publish(url: string, value: number, more: readonly string[]): Promise<void> {
    const message = ['-m', `{"temperature": ${value}}`, ...more];
    const args = argumentsFor(url, 'sensor/telemetry', message);
    await promisify(execFile)(findProgram('mosquitto_pub') ?? '', args, { timeout: 20_000 });
  }

  async function storedValues(): Promise<number[]> {
    const rows = await database.inWorkspace(workspace).client.reading.findMany();
    return rows.map(({ value }) => value);
  }

  const showing = ({ certificate, key }: CertificateFiles) => ['--cert', certificate, '--key', key];

  it('publish telemetry, which is committed when they end', async () => {
    const { devices, deviceId } = await open();
    const { token = '' } = await createCredential(devices, { deviceId, kind: 'TOKEN' });
    await publish(devices.mqttUrl, 21, ['-u', 'sensor', '-P', token]);
    expect(await storedValues()).toEqual([21]);
    await expect(publish(devices.mqttUrl, 22, ['-u', 'sensor', '-P', 'wrong'])).rejects.toThrow();
    expect(await storedValues()).toEqual([21]);
  });

  it('receive a command, which is delivered by that', async () => {
    const { devices, deviceId } = await open();
    const { token = '' } = await createCredential(devices, { deviceId, kind: 'TOKEN' });
    const listen = ['-u', 'sensor', '-P', token, '-C', '1', '-W', '30'];
    const program = runProgram(
      findProgram('mosquitto_sub') ?? '',
      argumentsFor(devices.mqttUrl, 'sensor/commands', listen),
    );
    openedByTest.keep({ close: () => program.stop() });
    await devices.ask(SEND, { input: { deviceId, action: 'identify', input: { seconds: 3 } } });
    await waitFor('it has its command and ends', () => program.hasEnded(), { deadlineMs: 20_000 });
    expect(JSON.parse(program.output())).toMatchObject({ action: 'identify', input: { seconds: 3 } });
    await waitFor('it is delivered', async () => {
      const { device } = await devices.ask(STATE, { id: deviceId });
      return device?.commands.edges[0]?.node.state === 'DELIVERED';
    });
  });

  it('publish over TLS to a broker whose authority they know', async () => {
    const { devices, deviceId } = await open(tlsOfBroker());
    const { token = '' } = await createCredential(devices, { deviceId, kind: 'TOKEN' });
    const login = ['-u', 'sensor', '-P', token];
    await publish(tlsUrl(devices), 21, [...login, '--cafile', certificates.authority]);
    expect(await storedValues()).toEqual([21]);
    const stranger = openedByTest.keep(await createCertificates());
    await expect(publish(tlsUrl(devices), 22, [...login, '--cafile', stranger.authority])).rejects.toThrow();
  });

  it('are known by their certificates where both ends show one', async () => {
    const { devices, deviceId } = await open(
      tlsOfBroker({
        AEGIS_MQTT_CA_FILE: certificates.authority,
        AEGIS_MQTT_REQUIRE_CERTIFICATE: 'true',
      }),
    );
    const [known, unknown] = [await certificates.sign('known'), await certificates.sign('unknown')];
    const certificate = await readPem(known.certificate);
    await createCredential(devices, { deviceId, kind: 'CERTIFICATE', certificate });
    const trusting = ['--cafile', certificates.authority];
    await publish(tlsUrl(devices), 21, [...trusting, ...showing(known)]);
    expect(await storedValues()).toEqual([21]);
    const stranger = openedByTest.keep(await createCertificates());
    for (const more of [[], showing(unknown), showing(await stranger.sign('known'))])
      await expect(publish(tlsUrl(devices), 22, [...trusting, ...more])).rejects.toThrow();
    expect(await storedValues()).toEqual([21]);
  });

  it('publish to a broker of its own, which is spoken to over TLS', async () => {
    const mosquitto = openedByTest.keep(await startMosquitto({ tls: broker }));
    const env = { AEGIS_MQTT_URL: mosquitto.url, AEGIS_MQTT_CA_FILE: certificates.authority };
    const { devices } = await open(env);
    expect(await devices.subgraph.health()).toEqual({ state: 'UP' });
    await publish(mosquitto.url, 21, ['--cafile', certificates.authority]);
    await waitFor('it is stored', async () => (await storedValues()).length === 1);
  });

  it('publish to a broker of its own that wants a certificate of everybody', async () => {
    const mosquitto = openedByTest.keep(
      await startMosquitto({ tls: { ...broker, clientAuthority: certificates.authority } }),
    );
    const client = await certificates.sign('aegis');
    const { devices } = await open({
      AEGIS_MQTT_URL: mosquitto.url,
      AEGIS_MQTT_CA_FILE: certificates.authority,
      AEGIS_MQTT_CERT_FILE: client.certificate,
      AEGIS_MQTT_KEY_FILE: client.key,
    });
    expect(await devices.subgraph.health()).toEqual({ state: 'UP' });
    const trusting = ['--cafile', certificates.authority];
    await publish(mosquitto.url, 21, [...trusting, ...showing(await certificates.sign('sensor'))]);
    await waitFor('it is stored', async () => (await storedValues()).length === 1);
    await expect(publish(mosquitto.url, 22, trusting)).rejects.toThrow();
  });
});
