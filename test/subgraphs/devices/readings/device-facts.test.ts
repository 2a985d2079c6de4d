import { describe, expect, it } from '@jest/globals';
import { changesDevice } from '../../../../subgraphs/devices/readings/device-facts.js';

const changes = (type: string) => changesDevice({ type, id: 'any', data: {} });

describe('a fact', () => {
  it.each(['registered', 'updated', 'addressed', 'removed'])('changes the device that was %s', (verb) => {
    expect(changes(`aegis.device.${verb}`)).toBe(true);
  });

  it.each(['connected', 'disconnected', 'event', 'labelled', 'twin.desired', 'twin.reported'])(
    'changes nothing about its device when it is aegis.device.%s',
    (verb) => {
      expect(changes(`aegis.device.${verb}`)).toBe(false);
    },
  );

  it.each(['aegis.command.queued', 'aegis.command.executed', 'aegis.credential.revoked'])(
    'changes no device when it is %s, which is followed for its own sake',
    (type) => {
      expect(changes(type)).toBe(false);
    },
  );
});
