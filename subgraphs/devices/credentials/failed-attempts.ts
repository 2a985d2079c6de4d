import ipaddr from 'ipaddr.js';
import { LRUCache } from 'lru-cache';
import { AegisError } from '../../../kernel/errors/aegis-error.js';

/** Counts failed attempts by address, or by what else they have in common, and refuses those with too many of them. */
export interface FailedAttempts {
  count(address: string | undefined): void;
  /** Errors: RATE_LIMITED when the address has failed too often of late. */
  check(address: string | undefined): void;
}

export interface FailedAttemptsOptions {
  /** How many an address may have in one window. */
  readonly limit?: number;
  readonly windowMs?: number;
}

const LIMIT = 20;
const WINDOW_MS = 60_000;
/** The most addresses that are remembered; the one that failed longest ago is forgotten for one more. */
const MAX_ADDRESSES = 10_000;
/** Whoever has one address of IPv6 has the 2⁶⁴ of its network. */
const IPV6_NETWORK_PARTS = 4;

/** Makes the count, in windows that begin with an address's first failure. */
export function createFailedAttempts(options: FailedAttemptsOptions = {}): FailedAttempts {
  const { limit = LIMIT, windowMs = WINDOW_MS } = options;
  const failures = new LRUCache<string, number>({ max: MAX_ADDRESSES, ttl: windowMs, noUpdateTTL: true });
  return {
    count(address) {
      if (address === undefined) return;
      const key = networkOf(address);
      failures.set(key, (failures.get(key) ?? 0) + 1);
    },
    check(address) {
      if (address === undefined) return;
      const key = networkOf(address);
      if ((failures.get(key) ?? 0) < limit) return;
      throw new AegisError(
        'RATE_LIMITED',
        `credentials: expected at most ${limit} failed attempts in ${Math.round(windowMs / 1_000)} s of one address, or for one credential; wait before the next.`,
        { retryAfterMs: Math.max(1_000, failures.getRemainingTTL(key)) },
      );
    },
  };
}

function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  return parsed.kind() === 'ipv4'
    ? parsed.toString()
    : (parsed as ipaddr.IPv6).parts.slice(0, IPV6_NETWORK_PARTS).join(':');
}
