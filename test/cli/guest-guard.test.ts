import { describe, expect, it } from '@jest/globals';
import { createGuestGuard } from '../../cli/guest-guard.js';

const shop = { name: 'shop', url: 'http://localhost:4001' };

/** What comes of resolving `localhost` for a subgraph; undefined when nobody looks. */
function resolveFor(open: boolean, registered: boolean): Promise<unknown> {
  const { guests, lookupFor } = createGuestGuard(
    { registrationAddresses: undefined, registeredHandOver: false },
    open,
  );
  if (registered) guests.add([{ ...shop, url: 'http://localhost:4001/' }]);
  const lookup = lookupFor(shop);
  if (!lookup) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    lookup('localhost', { all: false }, (error, address) => {
      resolve(error ?? address);
    });
  });
}

describe('what the host of a subgraph may stand for', () => {
  it('is up to the operator for those of the supergraph', async () => {
    expect(await resolveFor(false, false)).toBeUndefined();
  });

  it('is what may be registered for those that were, however their addresses are written', async () => {
    expect(await resolveFor(false, true)).toMatchObject({ code: 'FORBIDDEN' });
    expect(await resolveFor(true, true)).toMatch(/^(?:127\.0\.0\.1|::1)$/);
  });
});

describe('who asks', () => {
  it('is told to subgraphs of the operator’s supergraph, and to registered ones where a setting says so', () => {
    for (const registeredHandOver of [false, true]) {
      const { guests, mayKnowWhoAsks } = createGuestGuard(
        { registrationAddresses: undefined, registeredHandOver },
        false,
      );
      expect(mayKnowWhoAsks(shop)).toBe(true);
      guests.add([shop]);
      expect(mayKnowWhoAsks(shop)).toBe(registeredHandOver);
      // The operator's supergraph has got it as well.
      guests.add([], [shop]);
      expect(mayKnowWhoAsks(shop)).toBe(true);
    }
  });
});
