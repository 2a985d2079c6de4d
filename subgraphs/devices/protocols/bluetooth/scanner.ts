import { setTimeout as sleep } from 'node:timers/promises';
import type { BlueZ, Peripheral } from './bluez.js';

/** A peripheral that was seen near by. */
export interface SeenPeripheral extends Pick<Peripheral, 'address' | 'name' | 'rssi' | 'services'> {
  readonly seenAt: Date;
}

/** Looks now and then for what is near by. */
export interface Scanner {
  /** Until the signal is aborted. */
  run(bluez: BlueZ, signal: AbortSignal): Promise<void>;
  /** What was seen of late. */
  list(): SeenPeripheral[];
}

export interface ScannerDeps {
  /** The services of devices that are called on. */
  readonly services: () => readonly string[];
  readonly onError: (error: unknown) => void;
  /** For how long it looks, in milliseconds, and how long it rests. */
  readonly scanMs?: number;
  readonly restMs?: number;
  readonly now?: () => number;
}

const SCAN_MS = 10_000;
const REST_MS = 20_000;
const LOOK_MS = 500;
/** For how long what was seen is told of. */
const REMEMBERED_MS = 600_000;
/** The most that are remembered; the one seen longest ago is forgotten for one more. */
const CAPACITY = 1_000;

/**
 * Makes it. Every other time it looks only for the services of devices that are called on: many peripherals are told of
 * otherwise, each of which costs the adapter time.
 */
export function createScanner({
  services,
  onError,
  scanMs = SCAN_MS,
  restMs = REST_MS,
  now = Date.now,
}: ScannerDeps): Scanner {
  const seen = new Map<string, SeenPeripheral>();

  function note(bluez: BlueZ): void {
    for (const { address, name, rssi, services: announced } of bluez.peripherals()) {
      // BlueZ tells of the strength of the signal only while a peripheral is there.
      if (rssi === undefined) continue;
      seen.delete(address);
      seen.set(address, { address, name, rssi, services: announced, seenAt: new Date(now()) });
    }
    for (const oldest of seen.keys()) {
      if (seen.size <= CAPACITY) break;
      seen.delete(oldest);
    }
  }

  return {
    async run(bluez, signal) {
      const isOver = () => signal.aborted;
      for (let round = 0; !isOver(); round += 1) {
        const by = AbortSignal.any([signal, AbortSignal.timeout(scanMs)]);
        const timer = setInterval(() => {
          note(bluez);
        }, LOOK_MS);
        try {
          await bluez.scan(round % 2 === 0 ? [] : services(), by);
          note(bluez);
        } catch (error) {
          // Connections go on: an adapter may be busy, or does not look while it connects.
          if (!isOver()) onError(error);
        } finally {
          clearInterval(timer);
        }
        await sleep(restMs, undefined, { signal }).catch(() => undefined);
      }
    },
    list() {
      const from = now() - REMEMBERED_MS;
      return [...seen.values()].filter(({ seenAt }) => seenAt.getTime() >= from);
    },
  };
}
