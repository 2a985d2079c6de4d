import { describe, expect, it } from '@jest/globals';
import {
  COMMAND_STATES,
  isFinal,
  mayMove,
  statesBefore,
} from '../../../../subgraphs/devices/commands/command-states.js';

describe('the states of a command', () => {
  it('have four ends, from which nothing moves', () => {
    expect(COMMAND_STATES.filter(isFinal)).toEqual(['EXECUTED', 'FAILED', 'EXPIRED', 'CANCELLED']);
  });

  it('lead from the queue to every other', () => {
    const reached = COMMAND_STATES.filter((to) => mayMove('QUEUED', to));
    expect(reached).toEqual(COMMAND_STATES.filter((state) => state !== 'QUEUED'));
  });

  it('let nothing be cancelled that the device has', () => {
    expect(statesBefore('CANCELLED')).toEqual(['QUEUED', 'SENT']);
  });

  it('go back to the queue only from the way to the device', () => {
    expect(statesBefore('QUEUED')).toEqual(['SENT']);
  });
});
