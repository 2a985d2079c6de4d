import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { Database, Transaction } from '../../../../kernel/database/database.js';
import { openServerDatabase } from '../../../../kernel/database/server-database.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import {
  createReadingCommit,
  ensureReadingStream,
  type CommitOutcome,
} from '../../../../subgraphs/devices/readings/reading-commit.js';
import type { NewMessage } from '../../../../subgraphs/devices/readings/new-reading.js';
import { createPartitions } from '../../../../subgraphs/devices/readings/partitions.js';
import {
  createRollUpFollower,
  type RollUpFollower,
} from '../../../../subgraphs/devices/readings/rollups/roll-up-follower.js';
import { createQueueRoom } from '../../../../subgraphs/devices/readings/queue-room.js';
import { createReadingMetrics } from '../../../../subgraphs/devices/readings/reading-metrics.js';
import {
  createReadingWriter,
  type SubmitOutcome,
} from '../../../../subgraphs/devices/readings/reading-writer.js';
import { createLogger } from '../../../../kernel/telemetry/logger.js';
import { createMetrics } from '../../../../kernel/telemetry/metrics.js';
import { createStoredReadings } from '../../../../subgraphs/devices/readings/stored-readings.js';
import { createDeviceRegistry } from '../../../../subgraphs/devices/registry.js';
import { createEventLog } from '../../../../kernel/events/event-log.js';
import { createInProcessLiveBus } from '../../../../kernel/events/in-process-live-bus.js';
import { describeWith } from '../../../support/describe-with.js';
import { MIGRATIONS_FOLDER } from '../../../support/embedded-database.js';
import { waitFor } from '../../../support/wait-for.js';
import { startPostgresServer, type PostgresServer } from '../../../support/postgres-server.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { newWorkspace } from '../support/open-devices.js';
import { range } from '../support/write-readings.js';

const FIRST_AT_US = Date.UTC(2026, 0, 1) * 1_000;

/** What only a server with several connections can show. */
describeWith({ programs: ['postgres'] }, 'committing readings on a Postgres server', () => {
  const opened = createOpened();
  let server: PostgresServer;
  /** Two processes, as far as the server can tell. */
  let databases: [Database, Database];
  let workspace: WorkspaceId;

  beforeAll(async () => {
    server = opened.keep(await startPostgresServer());
    // The server of the tests forgets its last commits when it is broken off, unless it is asked not to.
    const url = `${server.url}?options=${encodeURIComponent('-c synchronous_commit=on')}`;
    const open = async (migrationsFolder?: string) =>
      opened.keep(
        await openServerDatabase({ url, poolSize: 4, ...(migrationsFolder ? { migrationsFolder } : {}) }),
      );
    databases = [await open(MIGRATIONS_FOLDER), await open()];
  }, OPEN_DEADLINE_MS);
  afterAll(opened.close);
  beforeEach(async () => {
    workspace = newWorkspace();
    await ensureReadingStream(databases[0], workspace);
  });

  const registry = () => {
    const [database] = databases;
    const log = createEventLog({ database, bus: createInProcessLiveBus() });
    return createDeviceRegistry({ database, log, onChange: () => undefined });
  };
  const origin = () => ({ workspace, traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01` });

  async function register(name: string): Promise<string> {
    const metric = {
      ...{ name: 'm', unit: '1', description: null, minimum: null, maximum: null, resolution: null },
      ...{ type: 'NUMBER' as const, states: [], writable: false, fromProfile: false },
      calibration: { gain: 1, offset: 0, calibratedAt: null },
    };
    const metrics = [metric];
    const device = await registry().create(origin(), {
      ...{ name, description: null, metrics, profile: null, labels: {} },
    });
    if (device === 'NAME_TAKEN') throw new Error('the name is taken');
    return device.id;
  }

  const committer = (database: Database) =>
    createReadingCommit({
      ...{ database, workspace },
      partitions: createPartitions({ database, table: 'readings' }),
    });

  const message = (deviceId: string, values: readonly number[], unit = '1'): NewMessage => ({
    deviceId,
    receivedAtMs: Date.now(),
    readings: values.map((value) => ({ metric: 'm', unit, value, measuredAtUs: FIRST_AT_US + value })),
  });

  it('gives out sequences in the order of commit, so that a reader who follows them misses none', async () => {
    const devices = await Promise.all(['a', 'b'].map(register));
    const commits = 150;
    const writers = databases.map(async (database, index) => {
      const commit = committer(database);
      const outcomes: CommitOutcome[] = [];
      for (let turn = 0; turn < commits; turn += 1) {
        outcomes.push(
          await commit([message(devices[index] ?? '', [10 * turn, 10 * turn + 1, 10 * turn + 2])]),
        );
      }
      return outcomes;
    });
    const finished = { yes: false };
    const writing = Promise.all(writers).finally(() => {
      finished.yes = true;
    });
    const stored = createStoredReadings(databases[1], workspace);
    const seen: bigint[] = [];
    let place = 0n;
    for (let last = false; ;) {
      const page = await stored.readAfter(place, 500, {});
      seen.push(...page.readings.map(({ sequence }) => sequence));
      place = page.through;
      if (last) break;
      last = finished.yes;
    }
    const outcomes = (await writing).flat();
    const given = outcomes.flatMap((outcome) => outcome.stored.map(({ sequence }) => sequence));
    expect(seen).toHaveLength(2 * commits * 3);
    expect(seen).toEqual([...given].sort((a, b) => Number(a - b)));
    // The ranges of all commits lie end to end.
    const ranges = outcomes.sort((a, b) => Number(a.base - b.base));
    expect(ranges.every(({ base }, index) => base === (ranges[index - 1]?.through ?? 0n))).toBe(true);
  });

  /** Begins a commit of one process that waits for what another does, which is committed with it under way. */
  async function commitBehind(
    messages: readonly NewMessage[],
    work: (client: Transaction['client']) => Promise<unknown>,
  ): Promise<CommitOutcome> {
    const [mine, other] = databases;
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let begun: () => void = () => undefined;
    const holding = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const committed = mine.inWorkspace(workspace).transaction(async ({ client }) => {
      await work(client);
      begun();
      await held;
    });
    await holding;
    const committing = committer(other)(messages);
    await waitFor('the writer waits for the row', async () => {
      const rows = await mine.inWorkspace(workspace).client.$queryRaw<{ count: number }[]>`
        SELECT count(*)::int AS count FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND query LIKE '%WITH track AS%' AND pid <> pg_backend_pid()`;
      return rows[0]?.count === 1;
    });
    release();
    await committed;
    return committing;
  }

  it('makes the next writer wait for the commit before it gives out a sequence', async () => {
    const device = await register('a');
    const { stored } = await commitBehind([message(device, [1])], (client) =>
      client.readingStream.updateMany({ data: { newestSequence: 100n } }),
    );
    expect(stored.map(({ sequence }) => sequence)).toEqual([101n]);
  });

  it('tells the second of two writers that bring two values for one instant at the same moment', async () => {
    const device = await register('a');
    const commit = committer(databases[0]);
    await commit([message(device, [0])]);
    const messages = [[4, 5], [6], [7, 8]].map((values) => message(device, values));
    const { stored, conflicts, stale } = await commitBehind(messages, async (client) => {
      await client.readingStream.updateMany({ data: { newestSequence: 100n } });
      await client.$executeRaw`
        INSERT INTO devices.readings (workspace_id, device_id, metric, unit, measured_at, received_at, value, sequence)
        SELECT workspace_id, device_id, metric, unit, measured_at + make_interval(secs => us / 1e6), received_at, other, 94 + us
        FROM devices.readings, (VALUES (5, 50), (6, 6)) AS more(us, other) WHERE workspace_id = ${workspace}`;
    });
    expect(stored.map(({ reading }) => reading.value)).toEqual([7, 8]);
    expect(stale).toEqual(new Set());
    expect([...conflicts.entries()]).toMatchObject([
      [messages[0], { reading: { value: 5 }, other: { value: 50, unit: '1' } }],
    ]);
  });

  it('stores a number once that two writers bring at the same moment, and takes it for a start with two values', async () => {
    const device = await register('a');
    const commit = committer(databases[0]);
    await commit([message(device, [0])]);
    /** Each of two processes brings a value with the same number. */
    const bring = (...values: readonly number[]) =>
      Promise.all(
        values.map((value, index) => {
          const reading = { metric: 'm', unit: '1', value, deviceSequence: 1n };
          const measuredAtUs = FIRST_AT_US + 100 * value + index + 1;
          const one = { ...message(device, []), readings: [{ ...reading, measuredAtUs }] };
          return committer(databases[index === 0 ? 0 : 1])([one]);
        }),
      );
    const rows = async () => {
      const found = await databases[0].inWorkspace(workspace).client.reading.findMany();
      return found.map(({ value }) => value).sort();
    };
    await bring(1, 1);
    expect(await rows()).toEqual([0, 1]);
    await bring(2, 3);
    expect(await rows()).toEqual([0, 1, 2, 3]);
  });

  it('stores no reading of a device after its removal, while its readings arrive', async () => {
    for (let round = 0; round < 10; round += 1) {
      const device = await register(`device-${round}`);
      const commit = committer(databases[1]);
      let stale = 0;
      const writing = (async () => {
        for (let value = 0; stale === 0; value += 1) {
          const outcome = await commit([message(device, [value])]);
          stale += outcome.stale.size;
        }
      })();
      await registry().remove(origin(), device);
      const count = () =>
        databases[0].inWorkspace(workspace).client.reading.count({ where: { deviceId: device } });
      const counted = await count();
      await writing;
      expect(await count()).toBe(counted);
      const page = await createStoredReadings(databases[0], workspace).readAfter(0n, 100_000, {});
      expect(page).toMatchObject({ readings: [], complete: true });
    }
  });

  it('stores a reading once that two writers bring at the same moment', async () => {
    const device = await register('a');
    const values = Array.from({ length: 200 }, (_, index) => index);
    const outcomes = await Promise.all(
      databases.map((database) => committer(database)([message(device, values)])),
    );
    expect(outcomes.map(({ stored }) => stored.length).sort((a, b) => a - b)).toEqual([0, 200]);
    expect(await databases[0].inWorkspace(workspace).client.reading.count()).toBe(200);
  });

  it('stores all readings of a message or none, and says which messages are stale', async () => {
    const device = await register('a');
    const fine = message(device, [1, 2]);
    const formerUnit = message(device, [3], 'Cel');
    const half: NewMessage = {
      ...message(device, [4, 5]),
      readings: [
        { metric: 'm', unit: '1', value: 4, measuredAtUs: FIRST_AT_US + 4 },
        { metric: 'gone', unit: '1', value: 5, measuredAtUs: FIRST_AT_US + 5 },
      ],
    };
    const unknown = message('dev_none', [6]);
    const outcome = await committer(databases[0])([fine, formerUnit, half, unknown]);
    expect(outcome.stored.map(({ reading, sequence }) => [reading.value, sequence])).toEqual([
      [1, 1n],
      [2, 2n],
    ]);
    expect(outcome.stale).toEqual(new Set([formerUnit, half, unknown]));
    expect([outcome.base, outcome.through]).toEqual([0n, 6n]);
  });

  it('stores nothing of a message that has another value for an instant than what is stored, and says what that is', async () => {
    const device = await register('a');
    const commit = committer(databases[0]);
    await commit([message(device, [1])]);
    const readingAt = (value: number, atUs: number, unit = '1') => ({
      ...{ metric: 'm', unit, value },
      measuredAtUs: FIRST_AT_US + atUs,
    });
    const withReadings = (...readings: NewMessage['readings']): NewMessage => ({
      ...message(device, []),
      readings,
    });
    const repeated = withReadings(readingAt(1, 1), readingAt(2, 2));
    const contradicting = withReadings(readingAt(3, 3), readingAt(1.5, 1));
    const contradictingItself = withReadings(readingAt(4, 4), readingAt(5, 4));
    const twiceTheSame = withReadings(readingAt(6, 6), readingAt(6, 6));
    const fresh = message(device, [7]);
    const outcomes = [
      await commit([repeated, contradictingItself, twiceTheSame]),
      await commit([contradicting, fresh]),
    ];
    const outcome = {
      stored: outcomes.flatMap(({ stored }) => stored),
      stale: new Set(outcomes.flatMap(({ stale }) => [...stale])),
      conflicts: new Map(outcomes.flatMap(({ conflicts }) => [...conflicts])),
    };
    expect(outcome.stored.map(({ reading }) => reading.value)).toEqual([2, 6, 7]);
    expect(outcome.stale).toEqual(new Set());
    expect(outcome.conflicts).toEqual(
      new Map([
        [contradicting, { reading: readingAt(1.5, 1), other: { value: 1, unit: '1' } }],
        [contradictingItself, { reading: readingAt(5, 4), other: readingAt(4, 4) }],
      ]),
    );
  });

  it('has the second of two messages of one commit look again that bring two values for an instant', async () => {
    const device = await register('a');
    const commit = committer(databases[0]);
    const first = message(device, [1]);
    const second: NewMessage = { ...first, readings: first.readings.map((one) => ({ ...one, value: 2 })) };
    const together = await commit([first, second]);
    expect(together.stored.map(({ reading }) => reading.value)).toEqual([1]);
    expect(together.stale).toEqual(new Set([second]));
    const again = await commit([second]);
    expect(again.stored).toEqual([]);
    expect([...again.conflicts.keys()]).toEqual([second]);
  });

  it('counts each reading once in the roll-ups that two processes keep at the same time, while readings come', async () => {
    const device = await register('a');
    const followers = databases.map((database) => {
      const keep = (table: 'reading_minutes' | 'reading_hours') => ({
        partitions: createPartitions({ database, table }),
        retentionMs: 10 * 365 * 86_400_000,
      });
      return createRollUpFollower({
        ...{ database, workspace, span: 7, minutes: keep('reading_minutes'), hours: keep('reading_hours') },
        logger: createLogger({ level: 'silent', pretty: false }),
      });
    });
    let stored = 0;
    const follow = async (follower: RollUpFollower) => {
      while (stored < 200) await follower.catchUp();
    };
    const following = followers.map(follow);
    for (; stored < 200; stored += 10)
      await committer(databases[0])([message(device, range(stored, stored + 10))]);
    await Promise.all(following);
    for (const follower of [...followers, ...followers]) await follower.catchUp();
    const { client } = databases[1].inWorkspace(workspace);
    const sum = { _sum: { count: true, total: true } } as const;
    expect((await client.readingMinute.aggregate(sum))._sum).toEqual({ count: 200, total: 19_900 });
    expect((await client.readingHour.aggregate(sum))._sum).toEqual({ count: 200, total: 19_900 });
  }, 60_000);

  it('keeps every finite number and every microsecond as it came', async () => {
    const device = await register('a');
    const values = [
      0,
      -0.1,
      1e-320,
      5e-324,
      Number.MAX_VALUE,
      -Number.MIN_VALUE,
      0.1 + 0.2,
      1e21,
      123456789.123,
    ];
    const readings = values.map((value, index) => ({
      metric: 'm',
      unit: '1',
      value,
      measuredAtUs: FIRST_AT_US + 7 * index + 1,
    }));
    await committer(databases[0])([{ deviceId: device, receivedAtMs: 1_769_860_000_123, readings }]);
    const rows = await databases[0].inWorkspace(workspace).client.$queryRaw<{ value: number; us: bigint }[]>`
      SELECT value, (extract(epoch FROM measured_at) * 1000000)::bigint AS us FROM devices.readings
      WHERE workspace_id = ${workspace} ORDER BY sequence`;
    expect(rows).toEqual(readings.map(({ value, measuredAtUs }) => ({ value, us: BigInt(measuredAtUs) })));
  });

  it('stores what is submitted while the server restarts, once it is back', async () => {
    const device = await register('a');
    const room = createQueueRoom(1_000);
    const writer = createReadingWriter({
      commit: committer(databases[0]),
      announce: () => Promise.resolve(),
      metrics: createReadingMetrics(createMetrics(), () => room.taken),
      logger: createLogger({ level: 'silent', pretty: false }),
      room,
    });
    const submitted: Promise<SubmitOutcome>[] = [];
    const restarted = { yes: false };
    const restarting = server.restart().then(() => {
      restarted.yes = true;
    });
    while (!restarted.yes) {
      submitted.push(writer.submit(message(device, [submitted.length]), 'wait'));
      await Promise.race([restarting, new Promise((resolve) => setTimeout(resolve, 20))]);
    }
    expect(new Set((await Promise.all(submitted)).map(({ kind }) => kind))).toEqual(new Set(['stored']));
    const rows = await databases[1]
      .inWorkspace(workspace)
      .client.reading.findMany({ orderBy: { sequence: 'asc' } });
    expect(rows.map(({ value }) => value)).toEqual(submitted.map((_submitted, index) => index));
  });
});
