import { METRICS } from '../network/metrics.js';
import { formatNumber } from '../ui/format.js';
import type { Fact } from './documents.js';

/** What a sentence about a fact is made of. */
interface Told {
  /** Of the fact's data, by key. */
  readonly text: (key: string) => string | undefined;
  readonly number: (key: string) => number | undefined;
  readonly list: (key: string) => readonly unknown[];
  readonly flag: (key: string) => boolean | undefined;
  /** The name of the device that it is about; undefined when it is about none, or one that was removed. */
  readonly device: string | undefined;
  /** What it is about: that device, or whatever else. */
  readonly who: string;
  /** The last part of the fact's type. */
  readonly verb: string;
}

type Sentence = (told: Told) => string;

const MOST_NAMES = 3;

/** By the fact's type, without its `aegis.`; `*` stands for its last part. */
const SENTENCES: Readonly<Record<string, Sentence>> = {
  'device.registered': ({ who, list }) =>
    `${who} was registered${list('metrics').length > 0 ? `, with ${count(list('metrics').length, 'metric')}` : ''}`,
  'device.updated': ({ who }) => `${who} was changed`,
  'device.removed': ({ who }) => `${who} was removed`,
  'device.connected': ({ who, text }) => `${who} connected${by(text('protocol'))}`,
  'device.disconnected': ({ who, text }) => `${who} disconnected${because(text('reason'))}`,
  'device.labelled': ({ list }) => `The labels of ${names(list('devices'), 'device')} were changed`,
  'device.addressed': ({ who, text }) => {
    const endpoint = text('endpoint');
    return endpoint === undefined ? `${who} has no address any more` : `${who} is reached at ${endpoint}`;
  },
  'device.event': ({ who, text }) => `${who} told of “${text('name') ?? 'something'}”`,
  'device.twin.reported': ({ who, list }) => `${who} told its state: ${names(list('keys'), 'property')}`,
  'device.twin.desired': ({ who, list }) =>
    `${who} is to change its state: ${names(list('keys'), 'property')}`,
  'alarm.raised': (told) =>
    `${capital(lower(told.text('severity'), 'an'))} alarm${ofDevice(told)}: ${message(told)}`,
  'alarm.acknowledged': (told) => {
    const by = told.text('acknowledgedBy');
    return `An alarm${ofDevice(told)} was acknowledged${by === undefined ? '' : ` by ${by}`}: ${message(told)}`;
  },
  'alarm.cleared': (told) =>
    `An alarm${ofDevice(told)} has ended${because(CLEARED[told.text('clearReason') ?? ''])}: ${message(told)}`,
  'alarmrule.*': (told) => `The alarm rule ${named(told)} was ${changed(told.verb)}`,
  'devicegroup.*': (told) => `The group of devices ${named(told)} was ${changed(told.verb)}`,
  'fusion.*': (told) => `The fusion ${named(told)} was ${changed(told.verb)}`,
  'profile.defined': (told) => `Version ${version(told)} of the profile ${named(told)} was defined`,
  'profile.deprecated': (told) =>
    `Version ${version(told)} of the profile ${named(told)} ${told.flag('deprecated') === false ? 'is in use again' : 'is not to be used any more'}`,
  'credential.*': ({ who, verb }) => `A credential of ${who} was ${changed(verb)}`,
  'claim-codes.created': () => 'Claim codes for devices were made',
  'claim-code.used': () => 'A device was claimed with its code',
  'claim-code.revoked': () => 'A claim code was revoked',
  'command.*': ({ who, verb, text }) =>
    `The command ${text('action') === undefined ? '' : `“${text('action') ?? ''}” `}for ${who} ${COMMANDS[verb] ?? verb}`,
  'rollout.created': () => 'A rollout was created',
  'rollout.paused': () => 'A rollout was paused',
  'rollout.resumed': () => 'A rollout goes on',
  'rollout.ended': ({ number }) =>
    number('rolledBack') === undefined
      ? `A rollout has ended: ${number('succeeded') ?? 0} succeeded, ${number('failed') ?? 0} failed`
      : 'A rollout has ended: it was taken back',
  'rollout.stage.completed': () => 'A rollout has completed a stage',
  'rollout.rollback.started': () => 'A rollout is being taken back',
  'network.threshold.set': (told) => `A limit was set: ${metricOf(told)} ${sideOf(told)} ${limitOf(told)}`,
  'network.threshold.removed': (told) =>
    `A limit was removed: ${metricOf(told)} ${sideOf(told)} ${limitOf(told)}`,
  'network.threshold.crossed': (told) =>
    `${capital(metricOf(told))} went ${sideOf(told)} its limit of ${limitOf(told)}: it was ${formatNumber(told.number('value'))}`,
  'network.threshold.cleared': (told) =>
    `${capital(metricOf(told))} is back within its limit of ${limitOf(told)}: it was ${formatNumber(told.number('value'))}`,
  'network.anomaly.detected': (told) => {
    const { text, number } = told;
    const usual = `it was ${formatNumber(number('value'))}, and usually about ${formatNumber(number('median'))}`;
    const way = text('direction') === 'DOWN' ? 'down' : 'up';
    return text('kind') === 'CHANGE_POINT'
      ? `${capital(metricOf(told))} has shifted ${way}: ${usual}`
      : `${capital(metricOf(told))} was out of the ordinary: ${usual}`;
  },
  'network.generator.started': () => 'The generator was started: values are simulated',
  'network.generator.stopped': () => 'The generator was stopped',
  'network.generator.changed': () => 'The generator was changed',
  'network.node.doubted': ({ who, list }) => `${who} is not believed${reasons(list('failed'))}`,
  'network.node.trusted': ({ who }) => `${who} is believed again: its newest report was found right`,
};

const CLEARED: Readonly<Record<string, string>> = {
  CONDITION_ENDED: 'its condition holds no more',
  BY_HAND: 'cleared by hand',
  RULE_CHANGED: 'its rule was changed',
  DEVICE_LEFT: 'its device is no longer under the rule',
};

const PROTOCOLS: Readonly<Record<string, string>> = { COAP: 'CoAP', BLUETOOTH: 'Bluetooth' };

const COMMANDS: Readonly<Record<string, string>> = {
  queued: 'waits to be sent',
  sent: 'was sent',
  delivered: 'has arrived',
  executed: 'was carried out',
  failed: 'failed',
  expired: 'was not carried out in time',
  cancelled: 'was cancelled',
};

/** What happened, in a plain sentence; of kinds that are not known, the words of their type. */
export function factSentence(fact: Pick<Fact, 'type' | 'subject' | 'data' | 'device'>): string {
  const type = fact.type.replace(/^aegis[.]/, '');
  const data: unknown = fact.data;
  const known = typeof data === 'object' && data !== null ? (data as Readonly<Record<string, unknown>>) : {};
  const told = tell(fact, known);
  const sentence = SENTENCES[type] ?? SENTENCES[type.replace(/[.][^.]+$/, '.*')];
  if (sentence) return sentence(told);
  const words = capital(type.replaceAll(/[._-]/g, ' '));
  return told.who === '' ? words : `${words}: ${told.who}`;
}

function tell(
  { type, subject, device }: Pick<Fact, 'type' | 'subject' | 'device'>,
  data: Readonly<Record<string, unknown>>,
): Told {
  const text = (key: string) => {
    const value = data[key];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  return {
    text,
    number(key) {
      const value = data[key];
      return typeof value === 'number' ? value : undefined;
    },
    list(key) {
      const value = data[key];
      return Array.isArray(value) ? (value as unknown[]) : [];
    },
    flag(key) {
      const value = data[key];
      return typeof value === 'boolean' ? value : undefined;
    },
    device: device?.name,
    who: device?.name ?? text('name') ?? text('deviceId') ?? nodeName(subject ?? ''),
    verb: type.split('.').at(-1) ?? '',
  };
}

function nodeName(subject: string): string {
  return subject.replace(/^nod_(?=\d+$)/, 'Node ');
}

function metricOf({ text, who }: Told): string {
  const metric = text('metric') ?? who;
  const name = METRICS.find(({ threshold }) => threshold === metric)?.name;
  return (name ?? metric.replaceAll('_', ' ')).toLowerCase();
}

function sideOf({ text }: Told): string {
  return text('direction') === 'BELOW' ? 'below' : 'above';
}

function limitOf({ number }: Told): string {
  return formatNumber(number('limit'));
}

function named({ text, who }: Told): string {
  return `“${text('name') ?? who}”`;
}

function version({ number }: Told): string {
  return String(number('version') ?? '?');
}

function changed(verb: string): string {
  return verb === 'updated' ? 'changed' : verb;
}

function ofDevice({ device }: Told): string {
  return device === undefined ? '' : ` of ${device}`;
}

function message({ text }: Told): string {
  return text('message') ?? text('ruleName') ?? 'without a message';
}

function by(protocol: string | undefined): string {
  return protocol === undefined ? '' : ` by ${PROTOCOLS[protocol] ?? protocol}`;
}

function because(reason: string | undefined): string {
  return reason === undefined ? '' : ` (${reason.includes('_') ? lower(reason, '') : reason})`;
}

function reasons(failed: readonly unknown[]): string {
  const [first] = failed;
  const told = typeof first === 'object' && first !== null && 'message' in first ? first.message : undefined;
  return typeof told === 'string' ? `: ${told}` : '';
}

/** A few things by their names, more by their number. */
function names(things: readonly unknown[], noun: string): string {
  const known = things.flatMap((thing) => {
    const name: unknown = typeof thing === 'object' && thing !== null && 'name' in thing ? thing.name : thing;
    return typeof name === 'string' ? [name] : [];
  });
  return known.length > 0 && known.length <= MOST_NAMES ? known.join(', ') : count(things.length, noun);
}

function count(number: number, noun: string): string {
  const plural = noun.endsWith('y') ? `${noun.slice(0, -1)}ies` : `${noun}s`;
  return `${number} ${number === 1 ? noun : plural}`;
}

function lower(word: string | undefined, otherwise: string): string {
  return word?.toLowerCase().replaceAll('_', ' ') ?? otherwise;
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
