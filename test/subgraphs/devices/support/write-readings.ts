import type { TestDevices } from './open-devices.js';

const FIRST_AT_MS = Date.UTC(2026, 0, 1);

/** Stores values of one metric in one message, each measured as many milliseconds after 2026-01-01 as it is large. */
export async function writeReadings(
  devices: TestDevices,
  device: string,
  values: readonly number[],
  metric = 'temperature',
): Promise<void> {
  const entries = values.map((value) => ({ ts: FIRST_AT_MS + value, values: { [metric]: value } }));
  const answer = await devices.send(device, entries);
  const { accepted = 0, repeated = 0 } = answer as { accepted?: number; repeated?: number };
  if (accepted + repeated !== values.length) throw new Error(JSON.stringify(answer));
}

/** The whole numbers from `from` up to but without `to`. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}
