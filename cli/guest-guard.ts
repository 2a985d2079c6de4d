import type { LookupFunction } from 'node:net';
import type { GatewaySettings } from '../gateway/config.js';
import { createGuestAddresses, type GuestAddresses } from '../gateway/registration/guest-addresses.js';
import type { SubgraphAddress } from '../gateway/supergraph/snapshot.js';
import { createAddressGuard, type AddressGuard } from '../kernel/outbound/address-guard.js';

/** Keeps subgraphs that are registered while the gateway runs from being where they may not be, and from what is not for them. */
export interface GuestGuard {
  readonly guard: AddressGuard;
  readonly guests: GuestAddresses;
  /** How the name in an address is resolved; undefined for a subgraph of the operator's supergraph, which may be anywhere. */
  readonly lookupFor: (address: SubgraphAddress) => LookupFunction | undefined;
  /** Whether it may be given tokens that say who asks. */
  readonly mayKnowWhoAsks: (address: SubgraphAddress) => boolean;
}

/** @param open whether everybody on this machine is let in. */
export function createGuestGuard(
  {
    registrationAddresses,
    registeredHandOver,
  }: Pick<GatewaySettings, 'registrationAddresses' | 'registeredHandOver'>,
  open: boolean,
): GuestGuard {
  // Who lets everybody on this machine in may well call this machine.
  const guard = createAddressGuard(registrationAddresses ?? (open ? 'loopback' : 'public'));
  const guests = createGuestAddresses();
  return {
    guard,
    guests,
    lookupFor: (address) => (guests.has(address) ? guard.lookup : undefined),
    mayKnowWhoAsks: (address) => registeredHandOver || !guests.has(address),
  };
}
