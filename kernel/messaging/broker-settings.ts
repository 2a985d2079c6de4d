import { z } from 'zod';
import type { Setting } from '../config/settings.js';
import type { MqttVersion } from './broker-options.js';

/** The setting with the URL of an external broker; it holds credentials. */
export function brokerUrl(description: string) {
  return {
    env: 'AEGIS_MQTT_URL',
    description,
    expects: 'a URL such as mqtt://user:password@broker:1883 or mqtts://broker:8883',
    schema: z.string().refine(isBrokerUrl).optional(),
    secret: true,
  } satisfies Setting<string | undefined>;
}

function isBrokerUrl(text: string): boolean {
  return URL.canParse(text) && ['mqtt:', 'mqtts:'].includes(new URL(text).protocol);
}

/** A setting with the name under which an external broker keeps a session. */
export function brokerClientId(env: string, description: string, initial: string) {
  return {
    ...{ env, description },
    expects: '1 to 64 letters, digits, dots, dashes and underscores',
    schema: z
      .string()
      .regex(/^[\w.-]{1,64}$/)
      .default(initial),
  } satisfies Setting<string>;
}

/** The setting with the version of MQTT. */
export const brokerVersion = {
  env: 'AEGIS_MQTT_VERSION',
  description:
    'The version of MQTT that the external broker is spoken to in; `auto` tries 5, which alone lets several processes share the work, then 3.1.1.',
  expects: 'auto, 5 or 3.1.1',
  schema: z.enum(['auto', '5', '3.1.1']).default('auto'),
} satisfies Setting<MqttVersion>;

/** A setting with the path of a PEM file, such as a certificate. */
export function pemFile(env: string, description: string) {
  return {
    ...{ env, description },
    expects: 'the path of a file',
    schema: z.string().min(1).max(4_096).optional(),
  } satisfies Setting<string | undefined>;
}
