import type { TopicRoutes } from '../../../../kernel/messaging/topic-routes.js';
import type { KnownDevice, KnownDevices } from '../../readings/known-devices.js';
import type { DevicePrincipal } from '../protocol.js';
import { isWithinWorkspace, parseDownFilter, parseUpTopic } from './device-topic.js';
import {
  parseSparkplugTopic,
  sparkplugDeviceName,
  type SparkplugTopic,
} from '../sparkplug/sparkplug-topic.js';

/** Who may publish and subscribe where. Answers without a promise for devices that are remembered. */
export interface MqttRights {
  mayPublish(principal: DevicePrincipal, topic: string): boolean | Promise<boolean>;
  maySubscribe(principal: DevicePrincipal, filter: string): boolean | Promise<boolean>;
}

export interface MqttRightsDeps {
  readonly devices: Pick<KnownDevices, 'find'>;
  readonly topics: TopicRoutes | undefined;
}

/** The label of a device behind an edge node: the name or id of that node. Nobody but the people of the workspace sets it. */
const NODE_LABEL = 'sparkplug/node';
/** What every host application of Sparkplug tells. Source: Sparkplug 3.0.0, §5.6 (`spBv1.0/STATE/<host>`). */
const STATE_TOPIC = /^(spBv1[.]0\/)?STATE\//;

/**
 * Makes the check of topics: a device has its own alone, of every name that it goes by; a key of the workspace has all of
 * that workspace. An edge node of Sparkplug has those of a device behind it, too, where that device's label
 * `sparkplug/node` names the edge node: that its name begins alike may be chance.
 */
export function createMqttRights({ devices, topics }: MqttRightsDeps): MqttRights {
  function isOwn(
    { workspace, deviceId }: DevicePrincipal,
    named: { readonly workspace: string; readonly device: string },
  ): boolean | Promise<boolean> {
    if (named.workspace !== workspace) return false;
    if (deviceId === undefined || named.device === deviceId) return true;
    const found = devices.find(workspace, named.device);
    return found instanceof Promise
      ? found.then((device) => device?.id === deviceId)
      : found?.id === deviceId;
  }

  function isBehind(
    { workspace, deviceId }: DevicePrincipal,
    topic: SparkplugTopic,
  ): boolean | Promise<boolean> {
    if (topic.behind === undefined || deviceId === undefined) return true;
    const namesNode = (device: KnownDevice | undefined) =>
      [topic.node, deviceId].includes(device?.labels[NODE_LABEL] ?? '');
    const found = devices.find(workspace, sparkplugDeviceName(topic));
    return found instanceof Promise ? found.then(namesNode) : namesNode(found);
  }

  function maySpeakFor(principal: DevicePrincipal, topic: SparkplugTopic): boolean | Promise<boolean> {
    const own = isOwn(principal, { ...topic, device: topic.node });
    if (own instanceof Promise) return own.then((isNode) => isNode && isBehind(principal, topic));
    return own && isBehind(principal, topic);
  }

  return {
    mayPublish(principal, topic) {
      const up = parseUpTopic(topic);
      if (up) return isOwn(principal, up);
      const sparkplug = parseSparkplugTopic(topic);
      if (sparkplug) return !sparkplug.kind.endsWith('CMD') && maySpeakFor(principal, sparkplug);
      return principal.deviceId === undefined && topics?.find(topic)?.workspace === principal.workspace;
    },
    maySubscribe(principal, filter) {
      if (principal.deviceId === undefined)
        return isWithinWorkspace(filter, principal.workspace) || STATE_TOPIC.test(filter);
      const down = parseDownFilter(filter);
      if (down) return isOwn(principal, down);
      const sparkplug = parseSparkplugTopic(filter.replace(/\/[#+]$/, ''));
      if (sparkplug?.kind.endsWith('CMD')) return maySpeakFor(principal, sparkplug);
      return STATE_TOPIC.test(filter);
    },
  };
}
