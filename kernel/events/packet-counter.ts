import type { LivePacket } from './live-packet.js';

/** Notices packets that did not arrive, by their numbers. */
export interface PacketCounter {
  /** Whether nothing is missing between this packet and the last of its origin; then takes it for the last. */
  isNext(channel: string, packet: LivePacket): boolean;
  forget(channel: string): void;
}

/** Publishers kept in mind for each channel: each start of a process is a new one, and the oldest are forgotten first. */
const MAX_ORIGINS = 256;

/**
 * Counts the packets of each channel and origin. An origin that is heard for the first time counts as complete only
 * from its first packet on: whether earlier ones were sent in vain cannot be known.
 */
export function createPacketCounter(): PacketCounter {
  const numbersByChannel = new Map<string, Map<string, number>>();
  return {
    isNext(channel, { origin, number }) {
      const numbers = numbersByChannel.get(channel) ?? new Map<string, number>();
      numbersByChannel.set(channel, numbers);
      const last = numbers.get(origin) ?? 0;
      // Deleted first, so that the map's order is that of use.
      numbers.delete(origin);
      numbers.set(origin, number);
      const [oldest] = numbers.keys();
      if (numbers.size > MAX_ORIGINS && oldest !== undefined) numbers.delete(oldest);
      return number === last + 1;
    },
    forget(channel) {
      numbersByChannel.delete(channel);
    },
  };
}
