import { expect, it } from '@jest/globals';
import { waitFor } from '../../../../support/wait-for.js';
import { CLAUSE_DEADLINE_MS, type ContractStage } from './contract-stage.js';

const REVOKE = 'mutation ($id: ID!) { revokeDeviceCredential(input: { id: $id }) { userErrors { code } } }';
const CONNECTIVITY = 'query ($id: ID!) { device(id: $id) { connectivity { state protocol lastSeenAt } } }';

/** Checks what is told of who is connected, and who is let in. */
export function describeConnection(stage: ContractStage): void {
  const { protocol, open, register, connect, storedValues } = stage;

  it(
    'tells whether the device is connected, and by what',
    async () => {
      const devices = await open();
      const registered = await register('sensor');
      const ask = async () =>
        (await devices.ask(CONNECTIVITY, { id: registered.deviceId })).device?.connectivity;
      expect(await ask()).toMatchObject({ state: 'UNKNOWN', protocol: null, lastSeenAt: null });
      const peer = await connect('sensor', registered);
      await peer.send('sensor', [{ value: 1 }]);
      const online = await waitFor('it is online, and was seen', async () => {
        const connectivity = await ask();
        return connectivity?.state === 'ONLINE' && connectivity.lastSeenAt !== null
          ? connectivity
          : undefined;
      });
      expect(online).toMatchObject({ protocol: protocol.kind, lastSeenAt: expect.any(String) });
      await peer.close();
      if (protocol.goodbye === 'SEEN')
        await waitFor('it is offline', async () => (await ask())?.state === 'OFFLINE');
    },
    CLAUSE_DEADLINE_MS,
  );

  if (protocol.admits !== 'US') return;

  it(
    'takes nothing that a device sends as another one',
    async () => {
      await open();
      const registered = await register('sensor');
      await register('other');
      const peer = await connect('sensor', registered);
      await peer.send('other', [{ value: 1 }]).catch(() => undefined);
      const again = await connect('sensor', registered);
      expect(await again.send('sensor', [{ value: 2 }])).toBe('taken');
      expect(await storedValues()).toEqual([2]);
    },
    CLAUSE_DEADLINE_MS,
  );

  it(
    'lets nobody in by a token that is none, and cuts off who came with one that is revoked',
    async () => {
      const devices = await open();
      const { credentialId, ...registered } = await register('sensor');
      const attempt = async (token: string) => {
        const peer = await connect('sensor', { ...registered, token });
        return peer.send('sensor', [{ value: 1 }]);
      };
      await expect(attempt('aegis_dev_guessed')).rejects.toThrow();
      const peer = await connect('sensor', registered);
      expect(await peer.send('sensor', [{ value: 2 }])).toBe('taken');
      await devices.ask(REVOKE, { id: credentialId });
      await expect(peer.send('sensor', [{ value: 3 }])).rejects.toThrow();
      await expect(attempt(registered.token)).rejects.toThrow();
      expect(await storedValues()).toEqual([2]);
    },
    CLAUSE_DEADLINE_MS,
  );
}
