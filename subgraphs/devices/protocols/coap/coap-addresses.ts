import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { createAddressGuard } from '../../../../kernel/outbound/address-guard.js';
import type { Remote } from './coap-message.js';

/** Turns where a device is into an address that may be called. Errors: FORBIDDEN, UNAVAILABLE when it has no address. */
export type FindRemote = (host: string, port: number) => Promise<Remote>;

/** A range of addresses, such as `192.168.0.0/16`. */
export interface Network {
  readonly address: string;
  readonly prefix: number;
}

/** Reads a range in the notation of RFC 4632; undefined when it is none. */
export function parseNetwork(text: string): Network | undefined {
  const [address = '', prefix, ...more] = text.trim().split('/');
  const version = isIP(address);
  const bits = Number(prefix);
  if (version === 0 || more.length > 0 || !/^\d{1,3}$/.test(prefix ?? '')) return undefined;
  return bits <= (version === 4 ? 32 : 128) ? { address, prefix: bits } : undefined;
}

/**
 * Makes the lookup. Public addresses may be called, and of the others those of the given networks: whoever may say where a
 * device is could reach by it what only this machine can reach.
 */
export function createFindRemote(networks: readonly Network[]): FindRemote {
  const guard = createAddressGuard('public');
  const allowed = new BlockList();
  for (const { address, prefix } of networks) {
    allowed.addSubnet(address, prefix, isIP(address) === 4 ? 'ipv4' : 'ipv6');
  }

  function isAllowed(address: string): boolean {
    const isFour = isIP(address) === 4;
    if (allowed.check(address, isFour ? 'ipv4' : 'ipv6')) return true;
    return guard.allows(new URL(`http://${isFour ? address : `[${address}]`}`));
  }

  return async (hostname, port) => {
    const host = hostname.replace(/^\[|\]$/g, '');
    const found = isIP(host) === 0 ? await resolve(host) : [host];
    const address = found.find(isAllowed);
    if (address !== undefined) return { address, port };
    throw new AegisError(
      'FORBIDDEN',
      `CoAP: ${host} is at an address that may not be called; AEGIS_COAP_NETWORKS lists the private networks that may.`,
    );
  };
}

async function resolve(host: string): Promise<string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (error) {
    throw new AegisError('UNAVAILABLE', `CoAP: ${host} has no address.`, { cause: error });
  }
}
