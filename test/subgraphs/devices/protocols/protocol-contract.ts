import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../kernel/database/database.js';
import type { ProtocolKind } from '../../../../subgraphs/devices/protocols/protocol-kind.js';
import { describeWith, type Program } from '../../../support/describe-with.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { waitFor } from '../../../support/wait-for.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { holdDatabase } from '../support/hold-database.js';
import { createCredential } from '../support/identity.js';
import { openDevices, type TestDevices } from '../support/open-devices.js';

/** What its sender is told of a message: taken for good, or not now: send it again. A refusal for good counts as taken. */
export type SendOutcome = 'taken' | 'later';

/** A command as it reached the device. */
export interface ReceivedCommand {
  readonly id: string;
  readonly action: string;
  readonly input: unknown;
}

/** One device that speaks the protocol, as a real one does: over its own socket. */
export interface ContractPeer {
  /**
   * Sends telemetry of a device as JSON. Resolves once the sender has its answer.
   *
   * Errors: when it is not let in, or its connection has ended.
   */
  send(device: string, telemetry: string): Promise<SendOutcome>;
  /** Begins to listen for its commands, if it has not yet. */
  listen(): Promise<void>;
  /** The commands that have reached it. */
  commands(): readonly ReceivedCommand[];
  /** Says goodbye. Safe to call twice. */
  close(): Promise<void>;
}

/** What the peer of a test is. */
export interface PeerOptions {
  readonly devices: TestDevices;
  /** The device's name. */
  readonly device: string;
  readonly deviceId: string;
  /** The device's token. */
  readonly token: string;
}

/** A protocol under the contract. */
export interface ContractProtocol {
  readonly name: string;
  readonly kind: ProtocolKind;
  /** Programs that its tests need. */
  readonly programs?: readonly Program[];
  /** Starts what stands beside the subgraph, such as a broker, and gives the settings of the subgraph. */
  open(): Promise<{ readonly env: Readonly<Record<string, string>>; close(): Promise<void> }>;
  connect(options: PeerOptions): Promise<ContractPeer>;
  /** Whether the sender's answer is ours: a broker of its own has another answer. */
  readonly acknowledgesCommits: boolean;
  /** Whether it reads no more from a connection while what it has read of it waits: then one sender alone fills no queue. */
  readonly holdsConnections?: boolean;
  /** Whether we let devices in: a broker of its own does that itself, and so does whom we call ourselves. */
  readonly letsIn: boolean;
  /** Whether devices can be told commands by it. */
  readonly tellsCommands: boolean;
  /** Whether a device is OFFLINE as soon as it has said goodbye. */
  readonly noticesGoodbye: boolean;
}

const PROFILE = 'temperature-humidity';
const REGISTER = `mutation ($input: RegisterDeviceInput!) {
  registerDevice(input: $input) { device { id } userErrors { message } } }`;
const REJECTED = '{ rejectedPayloads(first: 10) { edges { node { code device protocol } } } }';
const REVOKE = 'mutation ($id: ID!) { revokeDeviceCredential(input: { id: $id }) { userErrors { code } } }';
const SEND = `mutation ($input: SendCommandInput!) {
  sendCommand(input: $input) { command { id } userErrors { message } } }`;
const COMMAND = 'query ($id: ID!) { command(id: $id) { state } }';
const CONNECTIVITY = 'query ($id: ID!) { device(id: $id) { connectivity { state protocol lastSeenAt } } }';

const FIRST_AT_MS = Date.UTC(2026, 9, 1);
/** What fills the queue at its smallest. */
const QUEUE = 5_000;
const BATCH = 1_000;
const TEST_DEADLINE_MS = 60_000;

const reading = (value: number, atMs = FIRST_AT_MS + value) =>
  JSON.stringify({ ts: atMs, values: { temperature: value } });

/** Checks what every protocol owes to the devices that speak it. */
export function describeProtocol(protocol: ContractProtocol): void {
  const describeIt = protocol.programs
    ? (name: string, suite: () => void) => {
        describeWith({ programs: protocol.programs ?? [] }, name, suite);
      }
    : describe;
  describeIt(`the contract of protocols, on ${protocol.name}`, () => {
    describeContract(protocol);
  });
}

function describeContract(protocol: ContractProtocol): void {
  const opened = createOpened();
  const openedByTest = createOpened();
  let database: Database;
  let env: Readonly<Record<string, string>>;
  let devices: TestDevices;

  beforeAll(async () => {
    database = opened.keep(await openTestDatabase());
    env = opened.keep(await protocol.open()).env;
  }, OPEN_DEADLINE_MS);
  afterAll(opened.close);
  afterEach(openedByTest.close);

  async function open(extra: Readonly<Record<string, string>> = {}): Promise<void> {
    devices = openedByTest.keep(
      await openDevices({ database, identify: () => undefined, env: { ...env, ...extra } }),
    );
  }

  async function register(name: string): Promise<{ deviceId: string; token: string; credentialId: string }> {
    const { registerDevice } = await devices.ask(REGISTER, { input: { name, profile: PROFILE } });
    const deviceId = registerDevice.device?.id ?? '';
    const { token = '', credential } = await createCredential(devices, { deviceId, kind: 'TOKEN' });
    return { deviceId, token, credentialId: credential?.id ?? '' };
  }

  async function connect(
    device: string,
    registered: { deviceId: string; token: string },
  ): Promise<ContractPeer> {
    return openedByTest.keep(await protocol.connect({ devices, device, ...registered }));
  }

  async function storedValues(): Promise<number[]> {
    const { client } = database.inWorkspace(devices.workspace);
    const rows = await client.reading.findMany({ select: { value: true } });
    return rows.map(({ value }) => value).sort((a, b) => a - b);
  }

  const waitForStored = (values: readonly number[]) =>
    waitFor(
      `${values.length} readings are stored`,
      async () => (await storedValues()).length >= values.length,
    );
  const queued = async () =>
    (await devices.metrics.getSingleMetric('aegis_devices_readings_queued')?.get())?.values[0]?.value;
  const hold = () => holdDatabase(database, devices.workspace);

  it(
    'stores what a device sends, and acknowledges only what is committed',
    async () => {
      await open();
      const peer = await connect('sensor', await register('sensor'));
      expect(await peer.send('sensor', reading(1))).toBe('taken');
      await waitForStored([1]);
      const release = await hold();
      let answered = false;
      const sent = peer.send('sensor', reading(2)).then((outcome) => {
        answered = true;
        return outcome;
      });
      await waitFor('the reading awaits its commit', async () => (await queued()) === 1);
      if (protocol.acknowledgesCommits) expect(answered).toBe(false);
      await release();
      expect(await sent).toBe('taken');
      await waitForStored([1, 2]);
      expect(await storedValues()).toEqual([1, 2]);
    },
    TEST_DEADLINE_MS,
  );

  it(
    'stores a repeated delivery once',
    async () => {
      await open();
      const peer = await connect('sensor', await register('sensor'));
      for (const value of [1, 1, 2, 1]) expect(await peer.send('sensor', reading(value))).toBe('taken');
      await waitForStored([1, 2]);
      await peer.send('sensor', reading(3));
      await waitForStored([1, 2, 3]);
      expect(await storedValues()).toEqual([1, 2, 3]);
    },
    TEST_DEADLINE_MS,
  );

  it(
    'refuses a payload that is wrong, keeps it with its reason, and changes nothing',
    async () => {
      await open();
      const peer = await connect('sensor', await register('sensor'));
      await peer.send('sensor', '{"temperature": 1000}').catch(() => undefined);
      const { node } = await waitFor('it is kept', async () => {
        const { rejectedPayloads } = await devices.ask(REJECTED);
        return rejectedPayloads.edges[0];
      });
      expect(node).toMatchObject({ code: 'BAD_USER_INPUT', protocol: protocol.kind });
      expect(await storedValues()).toEqual([]);
      expect(await peer.send('sensor', reading(1))).toBe('taken');
      await waitForStored([1]);
    },
    TEST_DEADLINE_MS,
  );

  it(
    'holds the sender back, or has it come again, when more arrives than can be stored; nothing taken is lost',
    async () => {
      await open({ AEGIS_MAX_QUEUED_READINGS: String(QUEUE) });
      const peer = await connect('sensor', await register('sensor'));
      await peer.send('sensor', reading(0));
      await waitForStored([0]);
      const release = await hold();
      const batch = (from: number) =>
        `[${Array.from({ length: BATCH }, (_, index) => reading(from + index, FIRST_AT_MS + from + index)).join(',')}]`.replaceAll(
          /"temperature":(\d+)/g,
          '"temperature":1',
        );
      const sent = Array.from({ length: QUEUE / BATCH + 1 }, (_, index) =>
        peer.send('sensor', batch(1 + index * BATCH)),
      );
      const most = protocol.holdsConnections === true ? QUEUE - BATCH : QUEUE;
      await waitFor('no more is taken', async () => ((await queued()) ?? 0) >= most, { deadlineMs: 25_000 });
      await release();
      const outcomes = await Promise.all(sent);
      const taken = protocol.acknowledgesCommits
        ? outcomes.filter((outcome) => outcome === 'taken').length
        : outcomes.length;
      expect(taken).toBeGreaterThanOrEqual(QUEUE / BATCH);
      await waitFor(
        'all that was taken is stored',
        async () => (await storedValues()).length === 1 + taken * BATCH,
      );
    },
    TEST_DEADLINE_MS,
  );

  it(
    'tells whether the device is connected, and by what',
    async () => {
      await open();
      const registered = await register('sensor');
      const ask = async () =>
        (await devices.ask(CONNECTIVITY, { id: registered.deviceId })).device?.connectivity;
      expect(await ask()).toMatchObject({ state: 'UNKNOWN', protocol: null, lastSeenAt: null });
      const peer = await connect('sensor', registered);
      await peer.send('sensor', reading(1));
      const online = await waitFor('it is online', async () => {
        const connectivity = await ask();
        return connectivity?.state === 'ONLINE' ? connectivity : undefined;
      });
      expect(online).toMatchObject({ protocol: protocol.kind, lastSeenAt: expect.any(String) });
      await peer.close();
      if (protocol.noticesGoodbye)
        await waitFor('it is offline', async () => (await ask())?.state === 'OFFLINE');
    },
    TEST_DEADLINE_MS,
  );

  if (protocol.letsIn) describeDoor();
  if (protocol.tellsCommands) describeCommands();

  function describeDoor(): void {
    it(
      'takes nothing that a device sends as another one',
      async () => {
        await open();
        const registered = await register('sensor');
        await register('other');
        const peer = await connect('sensor', registered);
        await peer.send('other', reading(1)).catch(() => undefined);
        const again = await connect('sensor', registered);
        expect(await again.send('sensor', reading(2))).toBe('taken');
        expect(await storedValues()).toEqual([2]);
      },
      TEST_DEADLINE_MS,
    );

    it(
      'lets nobody in by a token that is none, and cuts off who came with one that is revoked',
      async () => {
        await open();
        const { credentialId, ...registered } = await register('sensor');
        const attempt = async (token: string) => {
          const peer = await connect('sensor', { ...registered, token });
          return peer.send('sensor', reading(1));
        };
        await expect(attempt('aegis_dev_guessed')).rejects.toThrow();
        const peer = await connect('sensor', registered);
        expect(await peer.send('sensor', reading(2))).toBe('taken');
        await devices.ask(REVOKE, { id: credentialId });
        await expect(peer.send('sensor', reading(3))).rejects.toThrow();
        await expect(attempt(registered.token)).rejects.toThrow();
        expect(await storedValues()).toEqual([2]);
      },
      TEST_DEADLINE_MS,
    );
  }

  function describeCommands(): void {
    async function sendCommand(deviceId: string, seconds: number): Promise<string> {
      const input = { deviceId, action: 'identify', input: { seconds } };
      const { sendCommand: sent } = await devices.ask(SEND, { input });
      expect(sent.userErrors).toEqual([]);
      return sent.command?.id ?? '';
    }

    const stateOf = async (id: string) => (await devices.ask(COMMAND, { id })).command?.state;

    it(
      'tells a connected device its command, and a device that comes what has waited for it',
      async () => {
        await open();
        const registered = await register('sensor');
        const early = await sendCommand(registered.deviceId, 1);
        expect(await stateOf(early)).toBe('QUEUED');
        const peer = await connect('sensor', registered);
        await peer.listen();
        await peer.send('sensor', reading(1));
        await waitFor('what has waited reaches it', () => peer.commands().length >= 1);
        const late = await sendCommand(registered.deviceId, 2);
        await waitFor('the next one reaches it', () => peer.commands().some(({ id }) => id === late));
        expect(peer.commands()[0]).toMatchObject({ id: early, action: 'identify', input: { seconds: 1 } });
        await waitFor('it is told so', async () =>
          ['SENT', 'DELIVERED'].includes((await stateOf(late)) ?? ''),
        );
      },
      TEST_DEADLINE_MS,
    );
  }
}
