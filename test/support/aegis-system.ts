import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnAegis, type AegisProcess } from './aegis-process.js';
import { startMosquitto } from './mosquitto.js';
import { startPostgresServer } from './postgres-server.js';
import { waitFor } from './wait-for.js';

/** A whole Aegis, in one process or several, as a client sees it. */
export interface AegisSystem {
  /** Such as `http://127.0.0.1:4000`. */
  readonly url: string;
  readonly mqttUrl: string;
  /** Undefined where devices are a process of their own. */
  readonly coapUrl?: string;
  /** Where `POST /ingest/<device>` is served. */
  readonly ingestUrl: string;
  /** Whether a publish is acknowledged only once its readings are committed: a broker of its own acknowledges at once. */
  readonly acknowledgesCommits: boolean;
  /** What opens it; undefined while it is open to this machine. */
  readonly apiKey: string | undefined;
  readonly processes: readonly AegisProcess[];
  close(): Promise<void>;
}

const SAMPLING = { AEGIS_SAMPLE_PERIOD_MS: '200' };

export interface OneProcessOptions {
  /** Keeps its data there, instead of in a folder that goes with it. */
  readonly folder?: string;
  readonly probe?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

/** Everything in one process on the embedded database and broker, open to this machine. */
export async function startOneProcess({
  folder,
  probe = false,
  env = {},
}: OneProcessOptions = {}): Promise<AegisSystem> {
  const data = folder ?? (await mkdtemp(join(tmpdir(), 'aegis-data-')));
  const args = [
    'start',
    '--port',
    '0',
    '--mqtt-port',
    '0',
    '--coap-port',
    '0',
    '--data',
    data,
    ...(probe ? [] : ['--no-probe']),
  ];
  const aegis = spawnAegis(args, { env: { ...SAMPLING, ...env } });

  async function close(): Promise<void> {
    await aegis.stop();
    if (folder === undefined) await rm(data, { recursive: true, force: true });
  }

  try {
    const line = await aegis.waitForLine(
      'it answers',
      ({ msg }) => msg?.startsWith('Aegis answers') === true,
    );
    const url = String(line['url']);
    await waitForReady(url);
    const mqttUrl = String(line['mqtt']);
    return {
      url,
      mqttUrl,
      coapUrl: String(line['coap']),
      ingestUrl: `${url}/ingest`,
      apiKey: undefined,
      acknowledgesCommits: true,
      processes: [aegis],
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const API_KEY = 'a-key-for-tests-that-is-long-enough';

/** The gateway and each subgraph as a process on Postgres and Mosquitto, as docker-compose.yml has them. */
export async function startSeveralProcesses(): Promise<AegisSystem> {
  const [postgres, mosquitto] = await Promise.all([startPostgresServer(), startMosquitto()]);
  const processes: AegisProcess[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'aegis-several-'));
  const shared = {
    AEGIS_API_KEYS: API_KEY,
    AEGIS_HANDOVER_SECRET: 'a-secret-for-tests-of-at-least-32-characters',
  };
  const stateful = {
    ...{ ...shared, ...SAMPLING, DATABASE_URL: postgres.url, AEGIS_MQTT_URL: mosquitto.url },
    AEGIS_COAP_PORT: '0',
  };

  async function close(): Promise<void> {
    for (const one of [...processes].reverse()) await one.stop();
    await Promise.all([mosquitto.close(), postgres.close(), rm(folder, { recursive: true, force: true })]);
  }

  async function run(args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
    const aegis = spawnAegis(args, { env });
    processes.push(aegis);
    const line = await aegis.waitForLine('it answers', ({ msg }) => msg?.includes('answers at') === true);
    return String(line['url']);
  }

  try {
    await spawnAegis(['migrate'], { env: { DATABASE_URL: postgres.url } }).waitForLine(
      'the tables are up to date',
      ({ msg }) => msg?.includes('up to date') === true,
    );
    const [devices, consciousness, events] = await Promise.all([
      run(['subgraph', 'devices', '--port', '0'], stateful),
      run(['subgraph', 'consciousness', '--port', '0'], stateful),
      run(['subgraph', 'events', '--port', '0'], stateful),
    ]);
    const supergraph = join(folder, 'supergraph.graphql');
    const composing = spawnAegis([
      'compose',
      ...['--url', `devices=${devices}/graphql`, '--url', `consciousness=${consciousness}/graphql`],
      ...['--url', `events=${events}/graphql`, '--out', supergraph],
    ]);
    await composing.waitForLine('it is composed', ({ msg }) => msg?.startsWith('Wrote') === true);
    const url = await run(['gateway', '--supergraph', supergraph, '--port', '0'], shared);
    await waitForReady(url);
    return {
      url,
      mqttUrl: mosquitto.url,
      ingestUrl: `${devices}/ingest`,
      apiKey: API_KEY,
      acknowledgesCommits: false,
      processes,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function waitForReady(url: string): Promise<void> {
  await waitFor('every subgraph has answered', async () => (await fetch(`${url}/health/ready`)).ok, {
    deadlineMs: 30_000,
    everyMs: 50,
  });
}
