import { lookup, type LookupAddress } from 'node:dns';
import { lookup as resolve } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { AegisError } from '../errors/aegis-error.js';

/** Which addresses that are not public may be called: none, those of this machine, or those of private networks too. */
export const ADDRESS_SCOPES = ['public', 'loopback', 'private'] as const;
export type AddressScope = (typeof ADDRESS_SCOPES)[number];

/** Keeps calls whose address somebody else has chosen from reaching what only this machine can reach. */
export interface AddressGuard {
  /** Errors: FORBIDDEN for a URL that is no HTTP URL, or whose host has an address that may not be called. */
  check(url: URL): Promise<void>;
  /** Resolves names for a connection; fails with FORBIDDEN when one of their addresses may not be called. */
  readonly lookup: LookupFunction;
}

/** Where clouds tell a machine its secrets: never called, whatever the scope. */
const METADATA = new Set(['169.254.169.254', '100.100.100.200', 'fd00:ec2::254']);

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
    return !METADATA.has(parsed.toString()) && RANGES[scope].has(parsed.range());
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
      if (protocol !== 'http:' && protocol !== 'https:') {
        throw new AegisError('FORBIDDEN', `expected an address with http: or https:, got ${protocol}`);
      }
      const host = hostname.replace(/^\[|\]$/g, '');
      // Who has no address now may have one later, which is looked at when it is called.
      const addresses =
        isIP(host) === 0 ? await resolve(host, { all: true }).catch(() => []) : [{ address: host }];
      const bad = addresses.find(({ address }) => !isAllowed(address));
      if (bad) throw refuse(bad.address === host ? host : `${host} (${bad.address})`);
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
