import type { ExecutionResult } from 'graphql';
import { withDeadline } from '../../../../../kernel/lifecycle/lifecycle.js';
import type {
  Alarm,
  AlarmEvent,
  CreateAlarmRulePayload,
  Subscription,
} from '../../../../../subgraphs/devices/generated/schema-types.js';
import { waitFor } from '../../../../support/wait-for.js';
import type { TestDevices } from '../../support/open-devices.js';

/** Fields of an alarm that tests look at. */
export const ALARM_FIELDS = `id ruleId ruleName severity state metric value unit message occurredAt raisedAt
  acknowledgedAt acknowledgedBy acknowledgeNote clearedAt clearReason clearedBy clearNote deviceId device { name }`;

const CREATE = `mutation ($input: CreateAlarmRuleInput!) {
  createAlarmRule(input: $input) { alarmRule { id name version } userErrors { code message path } }
}`;
const ALARMS = `query ($filter: AlarmFilter, $orderBy: AlarmOrder) {
  alarms(first: 100, filter: $filter, orderBy: $orderBy) { edges { node { ${ALARM_FIELDS} } } }
}`;
const STREAM = `subscription ($filter: AlarmEventFilter, $after: String) {
  deviceAlarms(filter: $filter, after: $after) { cursor gap change at alarm { ${ALARM_FIELDS} } }
}`;

/** Makes a rule, and gives its payload. */
export async function tryRule(devices: TestDevices, input: object): Promise<CreateAlarmRulePayload> {
  return (await devices.ask(CREATE, { input: { severity: 'MAJOR', ...input } })).createAlarmRule;
}

/** Makes a rule that is right, and gives its id once it is at work. */
export async function makeRule(devices: TestDevices, input: object): Promise<string> {
  const { alarmRule, userErrors } = await tryRule(devices, input);
  if (!alarmRule) throw new Error(JSON.stringify(userErrors));
  return alarmRule.id;
}

/** The alarms that pass a filter, the newest first. */
export async function listAlarms(devices: TestDevices, filter: object = {}): Promise<Alarm[]> {
  const { alarms } = await devices.ask(ALARMS, { filter, orderBy: 'RAISED_AT_DESC' });
  return alarms.edges.map(({ node }) => node);
}

/** Waits until there are so many alarms that pass a filter. */
export function untilAlarms(devices: TestDevices, count: number, filter: object = {}): Promise<Alarm[]> {
  return waitFor(`there are ${count} alarms ${JSON.stringify(filter)}`, async () => {
    const alarms = await listAlarms(devices, filter);
    return alarms.length === count && alarms;
  });
}

/** The stream of moves. */
export interface AlarmEvents {
  next(): Promise<AlarmEvent>;
  close(): Promise<unknown>;
}

/** Subscribes to moves of alarms. */
export async function followAlarms(devices: TestDevices, variables: object = {}): Promise<AlarmEvents> {
  const stream: AsyncGenerator<ExecutionResult<Subscription>, void, void> = await devices.subscribe(STREAM, {
    ...variables,
  });
  return {
    async next() {
      const { value } = await withDeadline(stream.next(), 10_000, 'waiting for a move of an alarm');
      if (value?.errors?.[0]) throw value.errors[0];
      if (!value?.data) throw new Error('the stream ended');
      return value.data.deviceAlarms;
    },
    close: () => stream.return(),
  };
}
