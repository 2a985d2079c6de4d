import type { NewMessage, NewReading } from './new-reading.js';

/** A reading that cannot be stored, and what is there in its place. */
export interface Conflict {
  readonly reading: NewReading;
  readonly other: { readonly value: number; readonly unit: string };
}

/** The messages of one commit, and what is known of them without the database. */
export interface SortedMessages {
  readonly messages: readonly NewMessage[];
  /** Those of them of which nothing is stored yet, as one before has another value for one of their instants. */
  readonly postponed: ReadonlySet<NewMessage>;
  /** Those that contradict themselves. */
  readonly conflicts: Map<NewMessage, Conflict>;
}

/** Makes sure that one statement stores one value for one instant: which of two it were would be chance otherwise. */
export function sortOutMessages(given: readonly NewMessage[]): SortedMessages {
  const known = new Map<string, NewReading>();
  const messages: NewMessage[] = [];
  const postponed = new Set<NewMessage>();
  const conflicts = new Map<NewMessage, Conflict>();
  for (const message of given) {
    const own = new Map<string, NewReading>();
    const contradicted = message.readings.some((reading) => {
      const key = keyOf(message, reading);
      const other = own.get(key);
      if (other && isOther(reading, other)) conflicts.set(message, { reading, other });
      own.set(key, reading);
      const others = known.get(key);
      return others !== undefined && isOther(reading, others);
    });
    if (conflicts.has(message)) continue;
    messages.push(message);
    if (contradicted) postponed.add(message);
    else for (const [key, reading] of own) known.set(key, reading);
  }
  return { messages, postponed, conflicts };
}

/** What tells a reading from others: its number where it has one, its instant otherwise. */
function keyOf({ deviceId }: NewMessage, reading: NewReading): string {
  const { metric, measuredAtUs, deviceSequence, deviceBoot = '' } = reading;
  return deviceSequence === undefined
    ? `${deviceId} ${metric} ${measuredAtUs}`
    : `${deviceId} ${metric} #${deviceSequence} ${deviceBoot}`;
}

function isOther(one: NewReading, other: NewReading): boolean {
  return one.value !== other.value || one.unit !== other.unit;
}
