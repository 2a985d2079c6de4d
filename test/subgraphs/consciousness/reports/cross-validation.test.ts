import { describe, expect, it } from '@jest/globals';
import {
  validateReport,
  type Evidence,
  type OwnNumbers,
} from '../../../../subgraphs/consciousness/reports/cross-validation.js';
import { judge, recover } from '../../../../subgraphs/consciousness/reports/reputation.js';

const OWN: OwnNumbers = { phi: 0.4, coherence: 0.6, stability: 0.8, divergence: 0.2, level: 0.5 };
const AT = new Date('2026-01-31T12:00:00Z');

function evidence(changes: Partial<Evidence> = {}): Evidence {
  return {
    numbers: {
      ...{ phi: 0.4, coherence: 0.6, stability: 0.8, divergence: 0.2, level: 0.5 },
      ...{ networkCoherence: 0.5, collectiveAwareness: 0.4, systemHealth: 1 },
    },
    reportedAt: AT,
    receivedAt: AT,
    own: OWN,
    neighbours: [0, 0.02, -0.03, 0.05].map((off) => shift(off)),
    network: { networkCoherence: 0.6, collectiveAwareness: 0.5, systemHealth: 1 },
    generated: false,
    ...changes,
  };
}

const shift = (off: number): OwnNumbers => ({
  ...{ phi: 0.4 + off, coherence: 0.6 + off, stability: 0.8 + off },
  ...{ divergence: 0.2 + off, level: 0.5 + off },
});

const outcomes = (given: Evidence) =>
  Object.fromEntries(validateReport(given).map(({ check, outcome }) => [check, outcome]));

const { numbers } = evidence();

describe('a report', () => {
  it('passes when it says what its signal gives, in time and in range', () => {
    expect(outcomes(evidence())).toEqual({
      ...{ RANGE: 'PASSED', FRESHNESS: 'PASSED', OWN_SIGNAL: 'PASSED', NEIGHBOURS: 'PASSED' },
      NETWORK: 'PASSED',
    });
  });

  it.each([
    ['coherence', 1.01],
    ['level', -0.01],
    ['systemHealth', 2],
    ['phi', 65],
  ])('fails with %s = %d, which cannot be', (name, value) => {
    const checks = validateReport(evidence({ numbers: { ...numbers, [name]: value } }));
    expect(checks[0]).toMatchObject({ check: 'RANGE', outcome: 'FAILED' });
    expect(checks[0]?.message).toContain(name);
  });

  it.each([
    [31_000, 'FAILED'],
    [29_000, 'PASSED'],
    [-4_000, 'PASSED'],
    [-6_000, 'FAILED'],
  ])('of %d ms ago: freshness has %s', (ageMs, outcome) => {
    const given = evidence({ reportedAt: new Date(AT.getTime() - ageMs) });
    expect(outcomes(given)['FRESHNESS']).toBe(outcome);
  });

  it('fails when it says something else than its signal gives, and tells both numbers', () => {
    const checks = validateReport(evidence({ numbers: { ...numbers, coherence: 0.95, phi: 2 } }));
    expect(checks[2]).toMatchObject({ check: 'OWN_SIGNAL', outcome: 'FAILED' });
    expect(checks[2]?.message).toContain('coherence within 0.15 of 0.6, got 0.95');
    expect(checks[2]?.message).toContain('phi within 0.25 of 0.4, got 2');
  });

  it('cannot be compared with a signal that is not there', () => {
    expect(outcomes(evidence({ own: undefined }))['OWN_SIGNAL']).toBe('NOT_POSSIBLE');
  });

  it('fails when it stands out from its neighbours and nothing bears it out', () => {
    const given = evidence({ own: undefined, numbers: { ...numbers, level: 0.99 } });
    expect(outcomes(given)).toMatchObject({ NEIGHBOURS: 'FAILED' });
  });

  it('is only noted to stand out when its own signal bears it out', () => {
    const given = evidence({ own: { ...OWN, level: 0.95 }, numbers: { ...numbers, level: 0.99 } });
    expect(outcomes(given)).toMatchObject({ OWN_SIGNAL: 'PASSED', NEIGHBOURS: 'NOTED' });
  });

  it('is not compared with fewer than three neighbours', () => {
    const given = evidence({ neighbours: [shift(0), shift(0.1)] });
    expect(outcomes(given)['NEIGHBOURS']).toBe('NOT_POSSIBLE');
  });

  it('is not held against the generator, and is told so', () => {
    const generated = { own: undefined, neighbours: [], network: undefined, generated: true };
    const checks = validateReport(evidence(generated));
    expect(checks.slice(2)).toEqual([
      { check: 'OWN_SIGNAL', outcome: 'NOT_POSSIBLE', message: expect.stringContaining('generator') },
      { check: 'NEIGHBOURS', outcome: 'NOT_POSSIBLE', message: expect.stringContaining('generator') },
      { check: 'NETWORK', outcome: 'NOT_POSSIBLE', message: expect.stringContaining('generator') },
    ]);
  });

  it('is not held against neighbours that agree to the last digit by a little difference', () => {
    const given = evidence({
      ...{ own: undefined, neighbours: [0, 0, 0, 0].map(shift) },
      numbers: { ...numbers, level: 0.55 },
    });
    expect(outcomes(given)['NEIGHBOURS']).toBe('PASSED');
  });
});

describe('the network as a node sees it', () => {
  const sees = (changes: Partial<typeof numbers>, network?: Evidence['network']) =>
    outcomes(evidence({ numbers: { ...numbers, ...changes }, ...(network && { network }) }))['NETWORK'];

  it('fails the report when its coherence is not what was measured here, and tells both numbers', () => {
    expect(sees({ networkCoherence: 0.86 })).toBe('FAILED');
    expect(sees({ networkCoherence: 0.84 })).toBe('PASSED');
    const checks = validateReport(evidence({ numbers: { ...numbers, networkCoherence: 1 } }));
    expect(checks.find(({ check }) => check === 'NETWORK')?.message).toBe(
      'expected networkCoherence within 0.25 of 0.6, got 1',
    );
  });

  it('is only noted where it differs in what rests on reports: a doubted node draws no others after it', () => {
    expect(sees({ collectiveAwareness: 1, systemHealth: 0 })).toBe('NOTED');
    const onlyReports = { networkCoherence: null, collectiveAwareness: null, systemHealth: 1 / 13 };
    expect(sees({ networkCoherence: 1, systemHealth: 1 }, onlyReports)).toBe('NOTED');
  });

  it('cannot be compared while the network is not measured', () => {
    expect(outcomes(evidence({ network: undefined }))['NETWORK']).toBe('NOT_POSSIBLE');
  });
});

describe('a reputation', () => {
  it('falls with each invalid report and recovers with valid ones', () => {
    expect(judge(1, false)).toBeCloseTo(0.7, 12);
    expect(judge(judge(1, false), false)).toBeCloseTo(0.49, 12);
    expect(judge(0.7, true)).toBeCloseTo(0.73, 12);
    expect(judge(1, true)).toBe(1);
  });

  it('has got half of what is missing back after ten minutes', () => {
    expect(recover(0.5, 600_000)).toBeCloseTo(0.75, 12);
    expect(recover(0.5, 0)).toBe(0.5);
    expect(recover(0.2, 24 * 3_600_000)).toBeCloseTo(1, 6);
  });
});
