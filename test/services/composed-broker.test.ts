import { chown, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { connectAsync, type MqttClient } from 'mqtt';
import { parse } from 'yaml';
import { runProgram, type RunningProgram } from '../support/child-process.js';
import { describeWith } from '../support/describe-with.js';
import { findProgram } from '../support/find-program.js';
import { findFreePort } from '../support/free-port.js';
import { waitFor } from '../support/wait-for.js';

/* The broker of docker-compose.yml, by the same command and configuration, as a process of this machine. */

interface ComposeFile {
  readonly services: {
    readonly mosquitto: {
      readonly command: readonly string[];
      readonly configs: readonly { readonly source: string; readonly target: string }[];
    };
  };
  readonly configs: Readonly<Record<string, { readonly content: string }>>;
}

const PASSWORDS = { MQTT_SUBGRAPH_PASSWORD: 'f00d'.repeat(8), MQTT_PUBLISHER_PASSWORD: 'cafe'.repeat(8) };
const TOPIC = 'aegis/default/boiler/telemetry';

describeWith({ programs: ['mosquitto'] }, 'the broker of the composition', () => {
  let folder = '';
  let url = '';
  let broker: RunningProgram | undefined;
  const clients: MqttClient[] = [];

  beforeAll(async () => {
    const port = await findFreePort();
    url = `mqtt://127.0.0.1:${port}`;
    folder = await mkdtemp(join(tmpdir(), 'aegis-composed-broker-'));
    const compose = parse(await readFile('docker-compose.yml', 'utf8')) as ComposeFile;
    const { command, configs } = compose.services.mosquitto;
    /** The container's folders are folders of the test's, and its port another. */
    const translate = (text: string) =>
      text
        .replaceAll('$$', '$')
        .replaceAll('/mosquitto/config', join(folder, 'config'))
        .replaceAll('/mosquitto/data', join(folder, 'data'))
        .replaceAll('/run/mosquitto', join(folder, 'run'))
        .replaceAll('listener 1883', `listener ${port} 127.0.0.1`)
        // Who is not root runs the broker, and owns its files, already.
        .replaceAll('chown mosquitto', process.getuid?.() === 0 ? 'chown mosquitto' : ':');
    for (const name of ['run', 'data']) await mkdir(join(folder, name));
    await openToBroker(folder, join(folder, 'data'));
    for (const { source, target } of configs) {
      const path = translate(target);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, translate(compose.configs[source]?.content ?? ''));
    }
    const [shell = 'sh', ...args] = command.map(translate);
    const programs = [findProgram('mosquitto'), findProgram('mosquitto_passwd')].map((one) =>
      dirname(one ?? '/'),
    );
    const path = [...programs, process.env['PATH']].join(':');
    broker = runProgram(shell, args, { env: { ...PASSWORDS, PATH: path } });
    const running = broker;
    await waitFor('the broker lets somebody in', async () => {
      if (running.hasEnded()) throw new Error(running.output());
      return connect('subgraph', PASSWORDS.MQTT_SUBGRAPH_PASSWORD);
    });
  }, 60_000);

  afterAll(async () => {
    for (const client of clients) client.end(true);
    await broker?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function connect(username?: string, password?: string): Promise<MqttClient> {
    const options = { protocolVersion: 5 as const, reconnectPeriod: 0, connectTimeout: 5_000 };
    const given = username === undefined ? {} : { username };
    const client = await connectAsync(
      url,
      { ...options, ...given, ...(password === undefined ? {} : { password }) },
      false,
    );
    clients.push(client);
    return client;
  }

  it.each<[string, string | undefined, string | undefined]>([
    ['somebody without a name', undefined, undefined],
    ['a wrong password', 'publisher', 'wrong'],
    ['the password of the other', 'subgraph', PASSWORDS.MQTT_PUBLISHER_PASSWORD],
    ['a name without a password', 'subgraph', undefined],
  ])('refuses %s', async (_who, username, password) => {
    await expect(connect(username, password)).rejects.toThrow(/authori[sz]ed/i);
  });

  it('hands what publishers send to the subgraph, by its shared subscription, and its refusals back', async () => {
    const subgraph = await connect('subgraph', PASSWORDS.MQTT_SUBGRAPH_PASSWORD);
    const publisher = await connect('publisher', PASSWORDS.MQTT_PUBLISHER_PASSWORD);
    const heard: string[] = [];
    for (const client of [subgraph, publisher])
      client.on('message', (topic, payload) => heard.push(`${topic} ${payload.toString()}`));
    await subgraph.subscribeAsync('$share/aegis-devices/aegis/+/+/telemetry', { qos: 1 });
    await publisher.subscribeAsync('aegis/default/+/telemetry/rejected', { qos: 1 });
    await publisher.publishAsync(TOPIC, '1', { qos: 1 });
    await waitFor('the telemetry arrives', () => heard.includes(`${TOPIC} 1`));
    await subgraph.publishAsync(`${TOPIC}/rejected`, '2', { qos: 1 });
    await waitFor('the refusal arrives', () => heard.includes(`${TOPIC}/rejected 2`));
  });

  it('lets a publisher neither read what others send nor publish elsewhere', async () => {
    const publisher = await connect('publisher', PASSWORDS.MQTT_PUBLISHER_PASSWORD);
    await expect(publisher.publishAsync('elsewhere', '1', { qos: 1 })).rejects.toThrow(/authori[sz]ed/i);
    const heard: string[] = [];
    publisher.on('message', (topic) => heard.push(topic));
    // The broker grants the subscription, and then passes nothing on.
    await publisher.subscribeAsync([TOPIC, `${TOPIC}/rejected`], { qos: 1 });
    const subgraph = await connect('subgraph', PASSWORDS.MQTT_SUBGRAPH_PASSWORD);
    await publisher.publishAsync(TOPIC, '1', { qos: 1 });
    await subgraph.publishAsync(`${TOPIC}/rejected`, '2', { qos: 1 });
    await waitFor('the refusal arrives', () => heard.includes(`${TOPIC}/rejected`));
    expect(heard).not.toContain(TOPIC);
  });

  it('hands on what a device tells of itself, and what it is told, but not to somebody else', async () => {
    const subgraph = await connect('subgraph', PASSWORDS.MQTT_SUBGRAPH_PASSWORD);
    const publisher = await connect('publisher', PASSWORDS.MQTT_PUBLISHER_PASSWORD);
    const heard: string[] = [];
    for (const client of [subgraph, publisher]) client.on('message', (topic) => heard.push(topic));
    const device = 'aegis/default/boiler';
    const up = ['reported', 'events', 'status', 'commands/cmd_1/answer'].map((kind) => `${device}/${kind}`);
    const down = ['commands', 'desired', 'reads', 'reported/rejected'].map((kind) => `${device}/${kind}`);
    await subgraph.subscribeAsync(['aegis/+/+/reported', 'aegis/+/+/events', 'aegis/+/+/status'], { qos: 1 });
    await subgraph.subscribeAsync('aegis/+/+/commands/+/answer', { qos: 1 });
    await publisher.subscribeAsync([...down, ...up], { qos: 1 });
    for (const topic of up) await publisher.publishAsync(topic, '1', { qos: 1 });
    for (const topic of down) await subgraph.publishAsync(topic, '1', { qos: 1 });
    await waitFor('all of it arrives', () => [...up, ...down].every((topic) => heard.includes(topic)));
    // Once at the subgraph alone: what a publisher sends up is read by nobody else.
    expect(heard.filter((topic) => up.includes(topic))).toHaveLength(up.length);
  });

  it('hands on what nodes send, to the subgraph alone, and its refusals back', async () => {
    const subgraph = await connect('subgraph', PASSWORDS.MQTT_SUBGRAPH_PASSWORD);
    const publisher = await connect('publisher', PASSWORDS.MQTT_PUBLISHER_PASSWORD);
    const heard: string[] = [];
    for (const client of [subgraph, publisher]) client.on('message', (topic) => heard.push(topic));
    const up = ['consciousness', 'state'].map((kind) => `aegis/default/nodes/node_3/${kind}`);
    await subgraph.subscribeAsync(
      up.map((topic) => `$share/aegis-consciousness/${topic.replace('node_3', '+')}`),
      { qos: 1 },
    );
    await publisher.subscribeAsync([...up, 'aegis/default/nodes/+/+/rejected'], { qos: 1 });
    for (const topic of up) await publisher.publishAsync(topic, '1', { qos: 1 });
    await waitFor('both arrive', () => up.every((topic) => heard.includes(topic)));
    for (const topic of up) await subgraph.publishAsync(`${topic}/rejected`, '2', { qos: 1 });
    await waitFor('the refusals arrive', () => up.every((topic) => heard.includes(`${topic}/rejected`)));
    expect(heard.filter((topic) => up.includes(topic))).toHaveLength(2);
  });

  it('hands on what edge nodes of Sparkplug send and are told, and lets none of them speak for the host', async () => {
    const subgraph = await connect('subgraph', PASSWORDS.MQTT_SUBGRAPH_PASSWORD);
    const publisher = await connect('publisher', PASSWORDS.MQTT_PUBLISHER_PASSWORD);
    const heard: string[] = [];
    for (const client of [subgraph, publisher]) client.on('message', (topic) => heard.push(topic));
    const up = ['NBIRTH/edge1', 'NDATA/edge1', 'NDEATH/edge1', 'DBIRTH/edge1/pump', 'DDATA/edge1/pump'].map(
      (rest) => `spBv1.0/default/${rest}`,
    );
    const down = ['default/NCMD/edge1', 'default/DCMD/edge1/pump', 'STATE/aegis'].map(
      (rest) => `spBv1.0/${rest}`,
    );
    await subgraph.subscribeAsync('spBv1.0/default/#', { qos: 1, nl: true });
    await publisher.subscribeAsync([...down, ...up], { qos: 1 });
    for (const topic of up) await publisher.publishAsync(topic, '1', { qos: 1 });
    for (const topic of down) await subgraph.publishAsync(topic, '1', { qos: 1 });
    await waitFor('all of it arrives', () => [...up, ...down].every((topic) => heard.includes(topic)));
    expect(heard.filter((topic) => up.includes(topic))).toHaveLength(up.length);
    for (const topic of down)
      await expect(publisher.publishAsync(topic, '2', { qos: 1 })).rejects.toThrow(/authori[sz]ed/i);
  });

  it('keeps hashes of the passwords, for itself alone', async () => {
    const path = join(folder, 'run/passwords');
    const text = await readFile(path, 'utf8');
    expect(text).toMatch(/^subgraph:\$\d\$/m);
    for (const password of Object.values(PASSWORDS)) expect(text).not.toContain(password);
    expect((await stat(path)).mode & 0o077).toBe(0);
  });
});

/** The broker becomes the user mosquitto when it is started as root, as in its container. */
async function openToBroker(...folders: readonly string[]): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const line = (await readFile('/etc/passwd', 'utf8'))
    .split('\n')
    .find((one) => one.startsWith('mosquitto:'));
  const [, , uid, gid] = line?.split(':') ?? [];
  for (const folder of folders) await chown(folder, Number(uid), Number(gid));
}
