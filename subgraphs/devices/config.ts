import { z } from 'zod';
import type { Setting, SettingsOf } from '../../kernel/config/settings.js';
import { wholeNumber } from '../../kernel/config/whole-number.js';
import { MAX_READINGS_PER_COMMIT } from './readings/new-reading.js';

function isBrokerUrl(text: string): boolean {
  return URL.canParse(text) && ['mqtt:', 'mqtts:'].includes(new URL(text).protocol);
}

/** Every setting of the subgraph. */
export const settings = {
  mqttPort: wholeNumber({
    env: 'AEGIS_MQTT_PORT',
    flag: 'mqtt-port',
    description: 'TCP port of the embedded MQTT broker; 0 takes any free one. Unused with AEGIS_MQTT_URL.',
    minimum: 0,
    maximum: 65_535,
    initial: 1883,
  }),
  mqttHost: {
    env: 'AEGIS_MQTT_HOST',
    description: 'Address that the embedded MQTT broker listens on.',
    expects: 'an IP address or a host name of this machine',
    schema: z
      .string()
      .regex(/^[\w.:-]{1,253}$/)
      .default('127.0.0.1'),
  } satisfies Setting<string>,
  mqttUrl: {
    env: 'AEGIS_MQTT_URL',
    description:
      'URL of an MQTT 5 broker to read telemetry from instead of the embedded one, credentials included.',
    expects: 'a URL such as mqtt://user:password@broker:1883 or mqtts://broker:8883',
    schema: z.string().refine(isBrokerUrl).optional(),
    secret: true,
  } satisfies Setting<string | undefined>,
  mqttClientId: {
    env: 'AEGIS_MQTT_CLIENT_ID',
    description:
      'Client id at the external broker; it keeps undelivered telemetry under this name, so it is fixed and no two processes share it.',
    expects: '1 to 64 letters, digits, dots, dashes and underscores',
    schema: z
      .string()
      .regex(/^[\w.-]{1,64}$/)
      .default('aegis-devices'),
  } satisfies Setting<string>,
  mqttInFlight: wholeNumber({
    env: 'AEGIS_MQTT_IN_FLIGHT',
    description: 'How many QoS 1 messages of the external broker may await their commit at once.',
    minimum: 1,
    maximum: 65_535,
    initial: 2_000,
  }),
  mqttMaxConnections: wholeNumber({
    env: 'AEGIS_MQTT_MAX_CONNECTIONS',
    description: 'How many clients the embedded MQTT broker serves at once.',
    minimum: 1,
    maximum: 1_000_000,
    initial: 10_000,
  }),
  seenWithinSeconds: wholeNumber({
    env: 'AEGIS_DEVICE_SEEN_WITHIN_SECONDS',
    description:
      'For how many seconds a device that keeps no connection (HTTP, CoAP) counts as online after it was heard.',
    minimum: 5,
    maximum: 604_800,
    initial: 300,
  }),
  maxPayloadBytes: wholeNumber({
    env: 'AEGIS_MAX_PAYLOAD_BYTES',
    description: 'The largest telemetry payload that is accepted, in bytes.',
    minimum: 1_024,
    maximum: 67_108_864,
    initial: 1_048_576,
  }),
  maxClockAheadSeconds: wholeNumber({
    env: 'AEGIS_MAX_CLOCK_AHEAD_SECONDS',
    description: "How far a device's clock may be ahead of ours, in seconds; later readings are refused.",
    minimum: 0,
    maximum: 31_536_000,
    initial: 300,
  }),
  maxQueuedReadings: wholeNumber({
    env: 'AEGIS_MAX_QUEUED_READINGS',
    description:
      'How many readings may await their commit; when it is full, HTTP is answered 429 and MQTT acknowledgements wait.',
    minimum: MAX_READINGS_PER_COMMIT,
    maximum: 10_000_000,
    initial: 50_000,
  }),
  readingsRetentionHours: wholeNumber({
    env: 'AEGIS_READINGS_RETENTION_HOURS',
    description: 'Hours after their arrival at which readings are removed.',
    minimum: 1,
    maximum: 876_000,
    initial: 168,
  }),
};

export type DevicesSettings = SettingsOf<typeof settings>;
