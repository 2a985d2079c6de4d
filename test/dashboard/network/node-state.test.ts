import { describe, expect, it } from '@jest/globals';
import { nodeHealth, signalWords, type KnownNode } from '../../../dashboard/network/node-state.js';

const HOST = { source: 'DEVICE', metric: 'cpu.user', device: { id: 'dev_1', name: 'host' } } as const;
const PUSHED = { source: 'STATE', metric: null, device: null } as const;
const NOTHING = { source: null, metric: null, device: null } as const;
const FRESH = { source: 'DEVICE', fresh: true, validity: 1 } as const;
const SILENT = { source: null, fresh: false, validity: 0 } as const;

describe('How a node is', () => {
  it.each<[string, KnownNode, string]>([
    ['loading before the first update', { assigned: HOST, live: undefined, isWaiting: true }, 'loading'],
    ['stale when no update comes', { assigned: PUSHED, live: undefined, isWaiting: false }, 'stale'],
    ['stale when its values have stopped', { assigned: PUSHED, live: SILENT, isWaiting: false }, 'stale'],
    ['unknown without a signal', { assigned: NOTHING, live: undefined, isWaiting: true }, 'unknown'],
    ['unknown without a signal or report', { assigned: NOTHING, live: SILENT, isWaiting: false }, 'unknown'],
    ['good while its values come', { assigned: HOST, live: FRESH, isWaiting: false }, 'good'],
    [
      'invalid when it is not believed',
      { assigned: HOST, live: { ...FRESH, validity: 0 }, isWaiting: false },
      'invalid',
    ],
    [
      'simulated by the generator',
      { assigned: HOST, live: { ...FRESH, source: 'GENERATOR' }, isWaiting: false },
      'simulated',
    ],
    [
      'reporting when it has reports alone',
      { assigned: NOTHING, live: { ...FRESH, source: null }, isWaiting: false },
      'reporting',
    ],
  ])('is %s', (_name, known, health) => {
    expect(nodeHealth(known)).toBe(health);
  });
});

describe('The words of a node’s signal', () => {
  it('name the device and its metric', () => {
    expect(signalWords({ assigned: HOST, live: undefined })).toBe('host · cpu.user');
  });

  it('tell pushed states also when none has come since the page was opened', () => {
    expect(signalWords({ assigned: PUSHED, live: undefined })).toBe('pushed state');
    expect(signalWords({ assigned: PUSHED, live: SILENT })).toBe('pushed state');
  });

  it('tell the generator while it stands in for the device', () => {
    expect(signalWords({ assigned: HOST, live: { ...FRESH, source: 'GENERATOR' } })).toBe('generator');
  });

  it('tell that there is none', () => {
    expect(signalWords({ assigned: NOTHING, live: SILENT })).toBe('none');
  });
});
