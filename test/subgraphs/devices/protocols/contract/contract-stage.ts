import { afterAll, afterEach, beforeAll } from '@jest/globals';
import type { Database } from '../../../../../kernel/database/database.js';
import { openTestDatabase } from '../../../../support/embedded-database.js';
import { waitFor } from '../../../../support/wait-for.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../../support/opened.js';
import { holdDatabase } from '../../support/hold-database.js';
import { createCredential } from '../../support/identity.js';
import { openDevices, type TestDevices } from '../../support/open-devices.js';
import { CONTRACT_PROFILE, defineContractProfile } from './contract-profile.js';
import type { ContractPeer, ContractProtocol } from './contract-protocol.js';

/** How long one clause may take, in milliseconds. */
export const CLAUSE_DEADLINE_MS = 60_000;

/** A device that is registered, with a token of its own. */
export interface RegisteredDevice {
  readonly deviceId: string;
  readonly token: string;
  readonly credentialId: string;
}

/** What the clauses stand on: the subgraph, its devices, and what it has stored. */
export interface ContractStage {
  readonly protocol: ContractProtocol;
  /** Opens the subgraph in a workspace of its own, with more settings. */
  open(extra?: Readonly<Record<string, string>>): Promise<TestDevices>;
  register(name: string): Promise<RegisteredDevice>;
  connect(device: string, registered: Pick<RegisteredDevice, 'deviceId' | 'token'>): Promise<ContractPeer>;
  /** All values of the workspace, the least first. */
  storedValues(): Promise<number[]>;
  waitForStored(count: number): Promise<unknown>;
  /** How many readings await their commit. */
  queued(): Promise<number>;
  /** Lets nothing be committed until the returned function is called. */
  hold(): Promise<() => Promise<void>>;
}

const REGISTER = `mutation ($input: RegisterDeviceInput!) {
  registerDevice(input: $input) { device { id } userErrors { message } } }`;

/** Opens it for a suite; what a test opens is closed after it. */
export function openStage(protocol: ContractProtocol): ContractStage {
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

  async function storedValues(): Promise<number[]> {
    const { client } = database.inWorkspace(devices.workspace);
    const rows = await client.reading.findMany({ select: { value: true } });
    return rows.map(({ value }) => value).sort((a, b) => a - b);
  }

  return {
    protocol,
    async open(extra = {}) {
      const all = { ...env, ...extra };
      devices = openedByTest.keep(await openDevices({ database, identify: () => undefined, env: all }));
      await defineContractProfile(devices);
      return devices;
    },
    async register(name) {
      const input = { name, profile: CONTRACT_PROFILE.name };
      const { registerDevice } = await devices.ask(REGISTER, { input });
      const deviceId = registerDevice.device?.id ?? '';
      const { token = '', credential } = await createCredential(devices, { deviceId, kind: 'TOKEN' });
      return { deviceId, token, credentialId: credential?.id ?? '' };
    },
    async connect(device, { deviceId, token }) {
      return openedByTest.keep(await protocol.connect({ devices, device, deviceId, token }));
    },
    storedValues,
    waitForStored: (count) =>
      waitFor(`${count} readings are stored`, async () => (await storedValues()).length >= count),
    async queued() {
      const gauge = await devices.metrics.getSingleMetric('aegis_devices_readings_queued')?.get();
      return gauge?.values[0]?.value ?? 0;
    },
    hold: () => holdDatabase(database, devices.workspace),
  };
}
