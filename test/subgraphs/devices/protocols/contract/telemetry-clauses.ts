import { expect, it } from '@jest/globals';
import { waitFor } from '../../../../support/wait-for.js';
import type { TestDevices } from '../../support/open-devices.js';
import { toJson, type SentReading } from './contract-protocol.js';
import { CLAUSE_DEADLINE_MS, type ContractStage } from './contract-stage.js';

const REJECTED = '{ rejectedPayloads(first: 10) { edges { node { code device protocol } } } }';

const FIRST_AT_MS = Date.UTC(2026, 9, 1);
/** What fills the queue at its smallest. */
const QUEUE = 5_000;
const BATCH = 1_000;
const FULL_DEADLINE_MS = 25_000;

/** A reading whose time is its own. */
const reading = (value: number): SentReading => ({ value, atMs: FIRST_AT_MS + value });

/** Checks what is owed to telemetry. */
export function describeTelemetry(stage: ContractStage): void {
  const { protocol, open, register, connect, storedValues, waitForStored, queued, hold } = stage;

  it(
    'stores what a device sends, and acknowledges only what is committed',
    async () => {
      await open();
      const peer = await connect('sensor', await register('sensor'));
      expect(await peer.send('sensor', [reading(1)])).toBe('taken');
      await waitForStored(1);
      const release = await hold();
      let answered = false;
      const sent = peer.send('sensor', [reading(2)]).then((outcome) => {
        answered = true;
        return outcome;
      });
      await waitFor('the reading awaits its commit', async () => (await queued()) === 1);
      if (protocol.acknowledges === 'COMMIT') expect(answered).toBe(false);
      await release();
      expect(await sent).toBe('taken');
      // What is acknowledged by the commit is there by now.
      if (protocol.acknowledges !== 'COMMIT') await waitForStored(2);
      expect(await storedValues()).toEqual([1, 2]);
    },
    CLAUSE_DEADLINE_MS,
  );

  if (protocol.payload === 'TIMED') describeRepetition();
  else describeBareRepetition();

  it(
    'refuses a payload that is wrong, keeps it with its reason, and changes nothing',
    async () => {
      const devices = await open();
      const registered = await register('sensor');
      const peer = await connect('sensor', registered);
      // Hotter than the profile says that it can be.
      await peer.send('sensor', [{ value: 200, atMs: FIRST_AT_MS }]).catch(() => undefined);
      const { node } = await waitFor('it is kept', async () => {
        const { rejectedPayloads } = await devices.ask(REJECTED);
        return rejectedPayloads.edges[0];
      });
      expect(node).toMatchObject({ code: 'BAD_USER_INPUT', protocol: protocol.kind });
      expect(['sensor', registered.deviceId]).toContain(node.device);
      expect(await storedValues()).toEqual([]);
      expect(await peer.send('sensor', [reading(1)])).toBe('taken');
      await waitForStored(1);
      expect(await storedValues()).toEqual([1]);
    },
    CLAUSE_DEADLINE_MS,
  );

  if (protocol.delivers === 'EVERY') describeBackpressure();
  else describeNewest();

  function describeRepetition(): void {
    it(
      'stores a repeated delivery once',
      async () => {
        await open();
        const peer = await connect('sensor', await register('sensor'));
        for (const value of [1, 1, 2, 1]) expect(await peer.send('sensor', [reading(value)])).toBe('taken');
        // At once as well, as by a sender that has several connections.
        const atOnce = await Promise.all([3, 3, 3].map((value) => peer.send('sensor', [reading(value)])));
        expect(atOnce).toEqual(['taken', 'taken', 'taken']);
        await peer.send('sensor', [reading(4)]);
        await waitForStored(4);
        expect(await storedValues()).toEqual([1, 2, 3, 4]);
      },
      CLAUSE_DEADLINE_MS,
    );
  }

  function describeBareRepetition(): void {
    it(
      'takes a value that is told again for a second measurement, as it has no time',
      async () => {
        await open();
        const peer = await connect('sensor', await register('sensor'));
        await peer.listen();
        for (const count of [1, 2]) {
          await peer.send('sensor', [{ value: 1 }]);
          await waitForStored(count);
        }
        await peer.send('sensor', [{ value: 2 }]);
        await waitForStored(3);
        expect(await storedValues()).toEqual([1, 1, 2]);
      },
      CLAUSE_DEADLINE_MS,
    );
  }

  function describeBackpressure(): void {
    it(
      'holds the sender back, or has it come again, when more arrives than can be stored; nothing taken is lost',
      async () => {
        await open({ AEGIS_MAX_QUEUED_READINGS: String(QUEUE) });
        const peer = await connect('sensor', await register('sensor'));
        await peer.send('sensor', [reading(0)]);
        await waitForStored(1);
        const release = await hold();
        const sent = batches(QUEUE / BATCH + 1).map((batch) => peer.send('sensor', batch));
        const most = protocol.holdsConnections === true ? QUEUE - BATCH : QUEUE;
        await waitFor('no more is taken', async () => (await queued()) >= most, {
          deadlineMs: FULL_DEADLINE_MS,
        });
        await release();
        const outcomes = await Promise.all(sent);
        const taken =
          protocol.acknowledges === 'COMMIT'
            ? outcomes.filter((outcome) => outcome === 'taken').length
            : outcomes.length;
        expect(taken).toBeGreaterThanOrEqual(QUEUE / BATCH);
        await waitForStored(1 + taken * BATCH);
        expect(await storedValues()).toHaveLength(1 + taken * BATCH);
      },
      CLAUSE_DEADLINE_MS,
    );
  }

  function describeNewest(): void {
    it(
      'has the newest in the end when more arrives than can be stored',
      async () => {
        const devices = await open({ AEGIS_MAX_QUEUED_READINGS: String(QUEUE) });
        const { token } = await register('filler');
        const peer = await connect('sensor', await register('sensor'));
        await peer.listen();
        await peer.send('sensor', [reading(0)]);
        // Who they are is known before nobody can look it up any more.
        await fill(devices, token, [reading(0)]);
        await waitForStored(2);
        const release = await hold();
        const filling = batches(QUEUE / BATCH).map((batch) => fill(devices, token, batch));
        await waitFor('the queue is full', async () => (await queued()) >= QUEUE, {
          deadlineMs: FULL_DEADLINE_MS,
        });
        const sent = [101, 102, 103].map((value) => peer.send('sensor', [reading(value)]));
        await release();
        expect(await Promise.all(filling)).toEqual(filling.map(() => 200));
        expect(await Promise.all(sent)).toEqual(['taken', 'taken', 'taken']);
        await waitFor('the newest is stored', async () => (await storedValues()).at(-1) === 103);
        expect((await storedValues()).filter((value) => value === 1)).toHaveLength(QUEUE);
      },
      CLAUSE_DEADLINE_MS,
    );
  }
}

/** So many full messages; no two readings are of one time. */
function batches(count: number): SentReading[][] {
  return Array.from({ length: count }, (_message, batch) =>
    Array.from({ length: BATCH }, (_reading, index) => ({
      value: 1,
      atMs: FIRST_AT_MS + 1 + batch * BATCH + index,
    })),
  );
}

async function fill(devices: TestDevices, token: string, batch: readonly SentReading[]): Promise<number> {
  const answer = await fetch(`${devices.ingestUrl}/filler`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: toJson(batch),
  });
  await answer.arrayBuffer();
  return answer.status;
}
