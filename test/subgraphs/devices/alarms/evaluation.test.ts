import { describe, expect, it } from '@jest/globals';
import {
  Evaluation,
  type AssignedDevice,
} from '../../../../subgraphs/devices/alarms/evaluation/evaluation.js';
import { checkAlarmRule } from '../../../../subgraphs/devices/alarms/rules/alarm-rule.js';
import { toEntry, type RuleEntry } from '../../../../subgraphs/devices/alarms/rules/rule-entry.js';

const METRICS = ['t', 'h'];

/** A rule that is at work since 1970. */
function ruleOf(written: object, { id = 'rul_1', conditionVersion = 1 } = {}): RuleEntry {
  const checked = checkAlarmRule({ name: 'rule', severity: 'MAJOR', ...written });
  if ('mistakes' in checked) throw new Error(JSON.stringify(checked.mistakes));
  const at = new Date(0);
  return toEntry({
    id,
    version: conditionVersion,
    conditionVersion,
    createdAt: at,
    updatedAt: at,
    rule: checked.rule,
  });
}

const ABOVE = { condition: { threshold: { metric: 't', above: 10 } } };

/** An evaluation of one device, with a clock that the test moves. */
function open(entries: readonly RuleEntry[], { absentFromMs = 0 } = {}) {
  const clock = { nowMs: 0 };
  let alarms = 0;
  const evaluation = new Evaluation({
    now: () => clock.nowMs,
    absentFromMs,
    newAlarmId: () => `alm_${++alarms}`,
  });
  const device = (some: readonly RuleEntry[]): AssignedDevice => ({
    ...{ id: 'dev_1', createdAtMs: 0, metrics: METRICS, entries: some },
  });
  evaluation.assign(device(entries));
  const moves = () =>
    evaluation
      .drain()
      .moves.map((move) =>
        move.kind === 'RAISE'
          ? `raise ${move.alarm.id} since ${move.alarm.occurredAt.getTime()}`
          : `clear ${move.alarmId} ${move.reason}`,
      );
  const take = (measuredAtMs: number, value: number, metric: string) => {
    evaluation.take({
      ...{ deviceId: 'dev_1', metric, value, unit: '1', quality: 'GOOD' },
      ...{ measuredAtMs, receivedAtMs: clock.nowMs },
    });
    return moves();
  };
  return {
    clock,
    evaluation,
    moves,
    assign: (some: readonly RuleEntry[]) => {
      evaluation.assign(device(some));
    },
    take(atMs: number, value: number, metric = 't') {
      clock.nowMs = Math.max(clock.nowMs, atMs);
      return take(atMs, value, metric);
    },
    /** A reading that arrives at one instant, and says that it was measured at another. */
    takeStamped(nowMs: number, measuredAtMs: number, value: number) {
      clock.nowMs = nowMs;
      return take(measuredAtMs, value, 't');
    },
    tick(nowMs: number) {
      clock.nowMs = nowMs;
      evaluation.tick(nowMs, 100);
      return moves();
    },
  };
}

describe('evaluation', () => {
  it('raises once for each time that the condition begins to hold', () => {
    const rig = open([ruleOf(ABOVE)]);
    expect(rig.take(1, 11)).toEqual(['raise alm_1 since 1']);
    expect(rig.take(2, 12)).toEqual([]);
    expect(rig.take(3, 10)).toEqual(['clear alm_1 CONDITION_ENDED']);
    expect(rig.take(4, 11)).toEqual(['raise alm_2 since 4']);
  });

  it('waits until the condition has held for its time, by the time of the device', () => {
    const rig = open([ruleOf({ ...ABOVE, forMs: 100 })]);
    expect(rig.take(0, 11)).toEqual([]);
    expect(rig.take(99, 11)).toEqual([]);
    expect(rig.take(100, 9)).toEqual([]);
    expect(rig.take(101, 11)).toEqual([]);
    expect(rig.take(201, 11)).toEqual(['raise alm_1 since 101']);
  });

  it('waits by our time for a device that says no more', () => {
    const rig = open([ruleOf({ ...ABOVE, forMs: 100, clearForMs: 50 })]);
    rig.take(0, 11);
    expect(rig.evaluation.isDue(99)).toBe(false);
    expect(rig.tick(99)).toEqual([]);
    expect(rig.evaluation.isDue(100)).toBe(true);
    expect(rig.tick(100)).toEqual(['raise alm_1 since 0']);
    rig.take(110, 9);
    expect(rig.tick(159)).toEqual([]);
    expect(rig.tick(160)).toEqual(['clear alm_1 CONDITION_ENDED']);
  });

  it('does not clear for a short relief', () => {
    const rig = open([ruleOf({ ...ABOVE, clearForMs: 100 })]);
    rig.take(0, 11);
    expect(rig.take(10, 9)).toEqual([]);
    expect(rig.take(60, 11)).toEqual([]);
    expect(rig.take(70, 9)).toEqual([]);
    expect(rig.take(170, 9)).toEqual(['clear alm_1 CONDITION_ENDED']);
  });

  it('passes over what was measured before the newest reading, and counts it', () => {
    const rig = open([ruleOf(ABOVE)]);
    rig.take(10, 1);
    expect(rig.take(9, 99)).toEqual([]);
    expect(rig.evaluation.lateCount).toBe(1);
    expect(rig.take(10, 99)).toEqual(['raise alm_1 since 10']);
  });

  it('goes on looking after a stamp from the future, and dates alarms no later than what raised them came', () => {
    const rig = open([ruleOf(ABOVE)]);
    expect(rig.takeStamped(1_000, 241_000, 1)).toEqual([]);
    expect(rig.takeStamped(2_000, 2_000, 99)).toEqual(['raise alm_1 since 2000']);
    expect(rig.takeStamped(3_000, 243_000, 1)).toEqual(['clear alm_1 CONDITION_ENDED']);
    expect(rig.takeStamped(4_000, 244_000, 99)).toEqual(['raise alm_2 since 4000']);
  });

  it('keeps the order of stamps from the future that arrive together', () => {
    const rig = open([ruleOf(ABOVE)]);
    expect(rig.takeStamped(1_000, 242_000, 1)).toEqual([]);
    expect(rig.takeStamped(1_000, 241_000, 99)).toEqual([]);
    expect(rig.evaluation.lateCount).toBe(1);
  });

  it('tells how fast a metric changes across a stamp from the future', () => {
    const rate = { metric: 't', windowMs: 10_000, above: 1 };
    const rig = open([ruleOf({ condition: { rate } })]);
    rig.takeStamped(0, 240_000, 0);
    expect(rig.takeStamped(10_000, 10_000, 50)).toEqual(['raise alm_1 since 10000']);
  });

  it('raises when nothing has come for the window, and clears when something comes', () => {
    const rig = open([ruleOf({ condition: { noData: { metric: 't', windowMs: 1_000 } } })]);
    expect(rig.tick(999)).toEqual([]);
    expect(rig.tick(1_000)).toEqual(['raise alm_1 since 1000']);
    expect(rig.take(1_500, 1, 'h')).toEqual([]);
    expect(rig.take(1_600, 1)).toEqual(['clear alm_1 CONDITION_ENDED']);
    expect(rig.tick(2_599)).toEqual([]);
    expect(rig.tick(2_600)).toEqual(['raise alm_2 since 2600']);
  });

  it('waits for any metric where none is named', () => {
    const rig = open([ruleOf({ condition: { noData: { windowMs: 1_000 } } })]);
    rig.take(500, 1, 'h');
    expect(rig.tick(1_499)).toEqual([]);
    expect(rig.tick(1_500)).toEqual(['raise alm_1 since 1500']);
    expect(rig.take(1_600, 1, 't')).toEqual(['clear alm_1 CONDITION_ENDED']);
  });

  it('lets no data be missing before devices had a moment to come back', () => {
    const rig = open([ruleOf({ condition: { noData: { windowMs: 1_000 } } })], { absentFromMs: 5_000 });
    expect(rig.tick(4_999)).toEqual([]);
    expect(rig.tick(5_000)).toEqual(['raise alm_1 since 1000']);
  });

  it('ends the alarms of a rule that changes or goes, and goes on with one that stays', () => {
    const rig = open([ruleOf(ABOVE)]);
    rig.take(1, 11);
    rig.assign([ruleOf(ABOVE)]);
    expect(rig.moves()).toEqual([]);
    expect(rig.take(2, 12)).toEqual([]);
    rig.assign([ruleOf(ABOVE, { conditionVersion: 2 })]);
    expect(rig.moves()).toEqual(['clear alm_1 RULE_CHANGED']);
    expect(rig.take(3, 12)).toEqual(['raise alm_2 since 3']);
    rig.assign([]);
    expect(rig.moves()).toEqual(['clear alm_2 DEVICE_LEFT']);
  });

  it('goes on where another one has ended', () => {
    const first = open([ruleOf({ ...ABOVE, forMs: 100 }), ruleOf(ABOVE, { id: 'rul_2' })]);
    first.take(0, 11);
    const { slots } = open([]).evaluation.drain();
    expect(slots).toEqual([]);
    const saved = [
      {
        ...{ ruleId: 'rul_1', deviceId: 'dev_1', conditionVersion: 1 },
        phase: { kind: 'PENDING' as const, sinceMs: 0, dueAtMs: 100 },
      },
      {
        ...{ ruleId: 'rul_2', deviceId: 'dev_1', conditionVersion: 1 },
        phase: { kind: 'ACTIVE' as const, alarmId: 'alm_9' },
      },
    ];
    const next = open([]);
    next.evaluation.assign(
      {
        ...{ id: 'dev_1', createdAtMs: 0, metrics: METRICS },
        entries: [ruleOf({ ...ABOVE, forMs: 100 }), ruleOf(ABOVE, { id: 'rul_2' })],
      },
      saved,
    );
    expect(next.take(50, 12)).toEqual([]);
    expect(next.tick(100)).toEqual(['raise alm_1 since 0']);
    expect(next.take(200, 1).sort()).toEqual(['clear alm_1 CONDITION_ENDED', 'clear alm_9 CONDITION_ENDED']);
  });

  it('keeps what has changed since the last time, also that a rule came to nothing', () => {
    const rig = open([ruleOf({ ...ABOVE, forMs: 100 })]);
    rig.clock.nowMs = 0;
    rig.evaluation.take({
      ...{
        deviceId: 'dev_1',
        metric: 't',
        value: 11,
        unit: '1',
        quality: 'GOOD',
        measuredAtMs: 0,
        receivedAtMs: 0,
      },
    });
    expect(rig.evaluation.drain().slots).toMatchObject([{ phase: { kind: 'PENDING', dueAtMs: 100 } }]);
    rig.evaluation.take({
      ...{
        deviceId: 'dev_1',
        metric: 't',
        value: 1,
        unit: '1',
        quality: 'GOOD',
        measuredAtMs: 1,
        receivedAtMs: 1,
      },
    });
    rig.assign([ruleOf({ ...ABOVE, forMs: 100 })]);
    expect(rig.evaluation.drain().slots).toMatchObject([{ phase: { kind: 'IDLE' } }]);
  });
});
