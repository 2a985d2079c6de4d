import { lookup, type LookupAddress } from 'node:dns';
import { lookup as resolve } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr, { type IPv4, type IPv6 } from 'ipaddr.js';
import { AegisError } from '../errors/aegis-error.js';

/** Which addresses that are not public may be called: none, those of this machine, or those of private networks too. */
export const ADDRESS_SCOPES = ['public', 'loopback', 'private'] as const;
export type AddressScope = (typeof ADDRESS_SCOPES)[number];

/** Keeps calls whose address somebody else has chosen from reaching what only this machine can reach. */
export interface AddressGuard {
  /** Errors: FORBIDDEN for a URL that is no HTTP URL, or whose host has an address that may not be called. */
  check(url: URL): Promise<void>;
  /**
   * Whether a URL may be called as far as it says itself: false when it is no HTTP URL, or has an address that may not be
   * called in the place of a name. Connections to such an address resolve nothing, and so never ask {@link lookup}.
   */
  allows(url: URL): boolean;
  /** Resolves names for a connection; fails with FORBIDDEN when one of their addresses may not be called. */
  readonly lookup: LookupFunction;
}

/**
 * Where clouds tell a machine its secrets: never called, whatever the scope. Those in ranges that no scope has (link-local
 * ones such as 169.254.169.254 and 169.254.170.2) need not be here. Source: the documentation of Alibaba Cloud, Azure
 * (WireServer), AWS (instance metadata, EKS Pod Identity), Google Cloud and Scaleway, in this order.
 */
const METADATA = new Set([
  '100.100.100.200',
  '168.63.129.16',
  ...['169.254.169.254', 'fd00:ec2::254', 'fd00:ec2::23'],
  'fd20:ce::254',
  'fd00:42::42',
]);

/** Source: IANA, IPv6 global unicast address assignments. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');

const RANGES: Record<AddressScope, ReadonlySet<string>> = {
  public: new Set(['unicast']),
  loopback: new Set(['unicast', 'loopback']),
  private: new Set(['unicast', 'loopback', 'private', 'uniqueLocal', 'carrierGradeNat']),
};

/** Makes one. Source of the ranges: IANA's special-purpose address registries, as ipaddr.js has them. */
export function createAddressGuard(scope: AddressScope): AddressGuard {
  function isAllowed(address: string): boolean {
    // An IPv4 address in the form of IPv6 is what it stands for.
    const parsed = ipaddr.process(address);
    return !METADATA.has(parsed.toString()) && RANGES[scope].has(rangeOf(parsed));
  }

  function refuse(host: string): AegisError {
    return new AegisError(
      'FORBIDDEN',
      `expected a host that may be called (${describeScope(scope)}), got ${host}.`,
      { details: { host } },
    );
  }

  return {
    async check({ protocol, hostname }) {
      if (!isHttp(protocol)) {
        throw new AegisError('FORBIDDEN', `expected an address with http: or https:, got ${protocol}`);
      }
      const host = hostOf(hostname);
      // A name without an address now may have one later, and one with an address another: whoever connects asks `lookup`.
      const addresses =
        isIP(host) === 0 ? await resolve(host, { all: true }).catch(() => []) : [{ address: host }];
      const bad = addresses.find(({ address }) => !isAllowed(address));
      if (bad) throw refuse(bad.address === host ? host : `${host} (${bad.address})`);
    },
    allows({ protocol, hostname }) {
      const host = hostOf(hostname);
      return isHttp(protocol) && (isIP(host) === 0 || isAllowed(host));
    },
    lookup(hostname, options, callback) {
      lookup(hostname, { ...options, all: true }, (error, addresses) => {
        const bad = error ? undefined : addresses.find(({ address }) => !isAllowed(address));
        const refusal = error ?? (bad && refuse(`${hostname} (${bad.address})`));
        if (refusal) callback(refusal, '', 0);
        else answer(addresses, options.all === true, callback);
      });
    },
  };
}

/** What IANA has given to nobody is not public: IPv4 addresses in the old form of IPv6 (`::127.0.0.1`) are among it. */
function rangeOf(address: IPv4 | IPv6): string {
  const range = address.range();
  const isGiven = address instanceof ipaddr.IPv4 || address.match(GLOBAL_UNICAST);
  return range === 'unicast' && !isGiven ? 'reserved' : range;
}

function isHttp(protocol: string): boolean {
  return protocol === 'http:' || protocol === 'https:';
}

/** Without the brackets that IPv6 has in a URL. */
function hostOf(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

function answer(addresses: LookupAddress[], all: boolean, callback: Parameters<LookupFunction>[2]): void {
  const [first] = addresses;
  if (all) callback(null, addresses);
  else if (first) callback(null, first.address, first.family);
  else callback(new Error('the name has no address'), '', 0);
}

function describeScope(scope: AddressScope): string {
  if (scope === 'public') return 'public addresses';
  return scope === 'loopback' ? 'public ones and this machine’s own' : 'public and private ones';
}
