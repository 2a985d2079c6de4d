import type { MqttClient } from 'mqtt';
import { sharesSubscriptions } from './broker-options.js';

/** Source: MQTT 5.0, §4.8.2. */
const SHARE = '$share/';
/** Source: MQTT 3.1.1, §3.9.3; MQTT 5.0, §3.9.3. */
const REFUSED = 128;

/**
 * A topic filter as all processes of one group ask for it, so that the broker gives each message to one of them, where the
 * connection's protocol has such a thing.
 */
export function shareTopic(client: MqttClient, group: string, filter: string): string {
  return sharesSubscriptions(client.options) ? `${SHARE}${group}/${filter}` : filter;
}

/** Asks for the messages of a topic filter, at QoS 1. Tells why they are not delivered; undefined when they are. */
export async function askForTopic(client: MqttClient, filter: string): Promise<string | undefined> {
  try {
    // `nl`: what was published by ourselves does not come back; MQTT 3.1.1 has no such word, and shares must not have it.
    const plain = sharesSubscriptions(client.options) && !filter.startsWith(SHARE);
    const granted = await client.subscribeAsync(filter, { qos: 1, ...(plain ? { nl: true } : {}) });
    return granted.some(({ qos }) => qos >= REFUSED) ? 'not allowed' : undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
