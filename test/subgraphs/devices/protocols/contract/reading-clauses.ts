import { expect, it } from '@jest/globals';
import { waitFor } from '../../../../support/wait-for.js';
import type { TestDevices } from '../../support/open-devices.js';
import { CLAUSE_DEADLINE_MS, type ContractStage } from './contract-stage.js';

const READING = `query ($id: ID!, $source: ReadingSource, $maxAgeMs: Int, $timeoutMs: Int) { device(id: $id) {
  reading(metric: "temperature", source: $source, maxAgeMs: $maxAgeMs, timeoutMs: $timeoutMs) { value } } }`;

interface Asked {
  readonly source: 'TWIN' | 'LIVE';
  readonly maxAgeMs?: number;
  readonly timeoutMs?: number;
}

/** Checks that devices are asked for what they measure now. */
export function describeReading({ open, register, connect, storedValues }: ContractStage): void {
  it(
    'asks the device when told to, and only then',
    async () => {
      const devices = await open();
      const registered = await register('sensor');
      const read = (asked: Asked) => readTemperature(devices, registered.deviceId, asked);
      const peer = await connect('sensor', registered);
      await peer.listen();
      await peer.send('sensor', [{ value: 1, atMs: Date.now() }]);
      await waitFor('it is stored', async () => (await storedValues()).includes(1));
      peer.measures(2);
      const before = peer.questions();
      expect(await read({ source: 'TWIN' })).toBe(1);
      expect(await read({ source: 'LIVE', maxAgeMs: 60_000 })).toBe(1);
      expect(peer.questions()).toBe(before);
      expect(await read({ source: 'LIVE' })).toBe(2);
      expect(peer.questions()).toBe(before + 1);
      expect(await read({ source: 'TWIN' })).toBe(2);
      peer.measures(3);
      expect(await read({ source: 'LIVE', maxAgeMs: 0 })).toBe(3);
      expect(peer.questions()).toBe(before + 2);
    },
    CLAUSE_DEADLINE_MS,
  );

  it(
    'says so in time when a device is not there, or does not answer',
    async () => {
      const devices = await open();
      const registered = await register('sensor');
      const read = (timeoutMs: number) =>
        readTemperature(devices, registered.deviceId, { source: 'LIVE', timeoutMs });
      await expect(read(10_000)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      const peer = await connect('sensor', registered);
      await peer.listen();
      await peer.send('sensor', [{ value: 1, atMs: Date.now() }]);
      await waitFor('it is stored', async () => (await storedValues()).includes(1));
      peer.measures(undefined);
      const before = peer.questions();
      await expect(read(700)).rejects.toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
      expect(peer.questions()).toBeGreaterThan(before);
      expect(await storedValues()).toEqual([1]);
    },
    CLAUSE_DEADLINE_MS,
  );
}

/** The value. Errors: the one with which it was refused. */
async function readTemperature(devices: TestDevices, id: string, asked: Asked): Promise<unknown> {
  const { data, errors } = await devices.run(READING, { id, ...asked });
  if (errors?.[0]) throw errors[0].originalError ?? errors[0];
  const { device } = data as { readonly device: { readonly reading: { readonly value: number } | null } };
  return device.reading?.value;
}
