import type { TopicRoutes } from '../../../../kernel/messaging/topic-routes.js';
import type { KnownDevices } from '../../readings/known-devices.js';
import type { DevicePrincipal } from '../protocol.js';
import { isWithinWorkspace, parseDownFilter, parseUpTopic } from './device-topic.js';
import { parseSparkplugTopic } from '../sparkplug/sparkplug-topic.js';

/** Who may publish and subscribe where. Answers without a promise for devices that are remembered. */
export interface MqttRights {
  mayPublish(principal: DevicePrincipal, topic: string): boolean | Promise<boolean>;
  maySubscribe(principal: DevicePrincipal, filter: string): boolean | Promise<boolean>;
}

export interface MqttRightsDeps {
  readonly devices: Pick<KnownDevices, 'find'>;
  readonly topics: TopicRoutes | undefined;
}

/** What every host application of Sparkplug tells. Source: Sparkplug 3.0.0, §5.6 (`spBv1.0/STATE/<host>`). */
const STATE_TOPIC = /^(spBv1[.]0\/)?STATE\//;

/**
 * Makes the check of topics: a device has its own alone, of every name that it goes by; a key of the workspace has all of
 * that workspace. An edge node of Sparkplug has those of the devices behind it, too, whose topics begin with its name.
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

  return {
    mayPublish(principal, topic) {
      const up = parseUpTopic(topic);
      if (up) return isOwn(principal, up);
      const sparkplug = parseSparkplugTopic(topic);
      if (sparkplug)
        return !sparkplug.kind.endsWith('CMD') && isOwn(principal, { ...sparkplug, device: sparkplug.node });
      return principal.deviceId === undefined && topics?.find(topic)?.workspace === principal.workspace;
    },
    maySubscribe(principal, filter) {
      if (principal.deviceId === undefined)
        return isWithinWorkspace(filter, principal.workspace) || STATE_TOPIC.test(filter);
      const down = parseDownFilter(filter);
      if (down) return isOwn(principal, down);
      const sparkplug = parseSparkplugTopic(filter.replace(/\/[#+]$/, ''));
      if (sparkplug?.kind.endsWith('CMD')) return isOwn(principal, { ...sparkplug, device: sparkplug.node });
      return STATE_TOPIC.test(filter);
    },
  };
}
