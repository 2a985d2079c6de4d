import type { ProtocolKind } from '../protocols/protocol-kind.js';
import type { ConnectivityChange } from './registry.js';

/** What a process has heard of one device, and how much of that is in the database. */
interface Entry {
  state: 'ONLINE' | 'OFFLINE';
  held: boolean;
  protocol: ProtocolKind;
  sinceMs: number;
  lastSeenMs: number;
  /** The `lastSeenMs` that is stored. */
  storedSeenMs: number;
  reason: string | null;
  /** Counts the changes beside `lastSeenMs`, and how many of them are stored. */
  changes: number;
  stored: number;
}

/** What is to be stored of some devices. */
export interface DuePresence {
  readonly changes: readonly ConnectivityChange[];
  /** Whether a device among them has come or gone. */
  readonly moved: boolean;
  /** Says that the changes are stored. */
  settle(): void;
}

/** How exact the stored time of the last message is: one write a device for so long, in milliseconds. */
export const SEEN_PRECISION_MS = 10_000;

/** What this process has heard of the devices of one workspace. */
export interface PresenceTable {
  connected(deviceId: string, protocol: ProtocolKind): void;
  /** Without a reason it still counts as online, until it is silent for long. */
  gone(deviceId: string, reason: string | undefined): void;
  heard(deviceId: string, protocol: ProtocolKind): void;
  find(deviceId: string): ConnectivityChange | undefined;
  takeDue(): DuePresence;
  /** Those with a connection here. */
  listHeld(): string[];
  /** Stores a device once more: the database has lost what it had. */
  storeAgain(deviceId: string): void;
  /** Forgets devices without a connection that were not heard since. */
  forgetSilent(sinceMs: number): void;
}

/** Makes an empty table. Its bound is that of the connections, and of the devices that are heard within some minutes. */
export function createPresenceTable(now: () => number): PresenceTable {
  const entries = new Map<string, Entry>();

  function change(deviceId: string, protocol: ProtocolKind): Entry {
    const entry = entries.get(deviceId) ?? {
      ...{ state: 'OFFLINE', held: false, protocol, reason: null, changes: 0, stored: 0 },
      ...{ sinceMs: now(), lastSeenMs: now(), storedSeenMs: 0 },
    };
    entries.set(deviceId, entry);
    entry.changes += 1;
    return entry;
  }

  function bringOnline(entry: Entry, protocol: ProtocolKind): void {
    const sinceMs = entry.state === 'ONLINE' ? entry.sinceMs : now();
    Object.assign(entry, { state: 'ONLINE', sinceMs, protocol, lastSeenMs: now(), reason: null });
  }

  return {
    connected(deviceId, protocol) {
      const entry = change(deviceId, protocol);
      entry.held = true;
      bringOnline(entry, protocol);
    },
    gone(deviceId, reason) {
      const entry = entries.get(deviceId);
      if (entry?.held !== true) return;
      entry.changes += 1;
      entry.held = false;
      if (reason === undefined) entry.lastSeenMs = now();
      else Object.assign(entry, { state: 'OFFLINE', sinceMs: now(), reason });
    },
    heard(deviceId, protocol) {
      const entry = entries.get(deviceId);
      if (entry?.state === 'ONLINE') entry.lastSeenMs = now();
      else bringOnline(change(deviceId, protocol), protocol);
    },
    find(deviceId) {
      const entry = entries.get(deviceId);
      return entry && toChange(deviceId, entry);
    },
    takeDue() {
      const due = [...entries]
        .filter(([, entry]) => isDue(entry))
        .map(([deviceId, entry]) => ({ deviceId, entry, ...entry }));
      return {
        changes: due.map(({ deviceId, entry }) => toChange(deviceId, entry)),
        moved: due.some(({ changes, stored }) => changes !== stored),
        settle() {
          for (const { deviceId, entry, changes, lastSeenMs } of due) {
            Object.assign(entry, { stored: changes, storedSeenMs: lastSeenMs });
            if (entry.state === 'OFFLINE' && entry.changes === changes) entries.delete(deviceId);
          }
        },
      };
    },
    listHeld: () => [...entries].filter(([, { held }]) => held).map(([deviceId]) => deviceId),
    storeAgain(deviceId) {
      const entry = entries.get(deviceId);
      if (entry?.held) entry.changes += 1;
    },
    forgetSilent(sinceMs) {
      for (const [deviceId, { held, lastSeenMs }] of entries) {
        if (!held && lastSeenMs < sinceMs) entries.delete(deviceId);
      }
    },
  };
}

function isDue({ changes, stored, lastSeenMs, storedSeenMs }: Entry): boolean {
  return changes !== stored || lastSeenMs - storedSeenMs >= SEEN_PRECISION_MS;
}

function toChange(deviceId: string, entry: Entry): ConnectivityChange {
  const { state, held, protocol, sinceMs, lastSeenMs, reason } = entry;
  const since = new Date(sinceMs);
  return { deviceId, state, held, protocol, reason, since, lastSeenAt: new Date(lastSeenMs) };
}
