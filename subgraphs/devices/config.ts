import { z } from 'zod';
import type { Setting, SettingsOf } from '../../kernel/config/settings.js';
import { wholeNumber } from '../../kernel/config/whole-number.js';
import { brokerClientId, brokerUrl, brokerVersion, pemFile } from '../../kernel/messaging/broker-settings.js';
import { parseNetwork } from './protocols/coap/coap-addresses.js';
import { MAX_READINGS_PER_COMMIT } from './readings/new-reading.js';

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
  mqttUrl: brokerUrl(
    'URL of an MQTT broker (3.1.1 or 5) that devices publish to, instead of the embedded one, credentials included.',
  ),
  mqttClientId: brokerClientId(
    'AEGIS_MQTT_CLIENT_ID',
    'Client id at the external broker; it keeps undelivered telemetry under this name, so it is fixed and no two processes share it.',
    'aegis-devices',
  ),
  mqttVersion: brokerVersion,
  mqttTlsPort: {
    env: 'AEGIS_MQTT_TLS_PORT',
    flag: 'mqtt-tls-port',
    description:
      'TCP port of the embedded MQTT broker for TLS, usually 8883; 0 takes any free one. Off when left out.',
    expects: 'a whole number from 0 to 65535',
    schema: z
      .string()
      .regex(/^\d{1,5}$/)
      .transform(Number)
      .pipe(z.number().max(65_535))
      .optional(),
  } satisfies Setting<number | undefined>,
  mqttCertFile: pemFile(
    'AEGIS_MQTT_CERT_FILE',
    'Certificate (PEM) of the embedded MQTT broker for TLS, or the one that is shown to an external broker.',
  ),
  mqttKeyFile: pemFile('AEGIS_MQTT_KEY_FILE', 'Private key (PEM) of AEGIS_MQTT_CERT_FILE.'),
  mqttCaFile: pemFile(
    'AEGIS_MQTT_CA_FILE',
    "Certificate (PEM) of the authority that signs the external broker's certificate, or those of devices; without it any certificate of a device that is registered counts.",
  ),
  mqttRequireCertificate: {
    env: 'AEGIS_MQTT_REQUIRE_CERTIFICATE',
    description:
      'Whether the embedded MQTT broker takes only TLS clients with a certificate that AEGIS_MQTT_CA_FILE has signed.',
    expects: 'true or false',
    schema: z.stringbool().default(false),
  } satisfies Setting<boolean>,
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
  sparkplugHostId: {
    env: 'AEGIS_SPARKPLUG_HOST_ID',
    description:
      'Name of this installation as a host application of Sparkplug: edge nodes that have it as their primary host look at spBv1.0/STATE/<name>. No other host application at the same broker may have it; all processes of one installation share it.',
    expects: '1 to 64 letters, digits, dots, dashes and underscores',
    schema: z
      .string()
      .regex(/^[\w.-]{1,64}$/)
      .default('aegis'),
  } satisfies Setting<string>,
  coapPort: wholeNumber({
    env: 'AEGIS_COAP_PORT',
    flag: 'coap-port',
    description: 'UDP port of the CoAP server; 0 takes any free one.',
    minimum: 0,
    maximum: 65_535,
    initial: 5683,
  }),
  coapHost: {
    env: 'AEGIS_COAP_HOST',
    description:
      'Address that the CoAP server listens on. It has no DTLS: beyond this machine it belongs in a private network, or behind a proxy that ends DTLS.',
    expects: 'an IP address or a host name of this machine',
    schema: z
      .string()
      .regex(/^[\w.:-]{1,253}$/)
      .default('127.0.0.1'),
  } satisfies Setting<string>,
  coapMaxObservers: wholeNumber({
    env: 'AEGIS_COAP_MAX_OBSERVERS',
    description: 'How many devices may observe their commands over CoAP at once.',
    minimum: 1,
    maximum: 1_000_000,
    initial: 10_000,
  }),
  coapNetworks: {
    env: 'AEGIS_COAP_NETWORKS',
    description:
      'Private networks whose devices may be called on over CoAP; public addresses always may. Whoever may set the endpoint of a device reaches these networks by it.',
    expects: 'networks such as 192.168.1.0/24,fd00::/8',
    schema: z
      .string()
      .default('')
      .transform((text) => text.split(',').filter((part) => part.trim() !== ''))
      .pipe(z.array(z.string().refine((text) => parseNetwork(text) !== undefined)).max(64)),
  } satisfies Setting<string[]>,
  bluetooth: {
    env: 'AEGIS_BLUETOOTH',
    description:
      'Whether peripherals of Bluetooth Low Energy are looked for, connected and read: `on` or `off`. Needs BlueZ, the Bluetooth stack of Linux.',
    expects: 'on or off',
    schema: z.enum(['on', 'off']).default('off'),
  } satisfies Setting<'on' | 'off'>,
  bluetoothAdapter: {
    env: 'AEGIS_BLUETOOTH_ADAPTER',
    description: 'Bluetooth adapter that is used, as BlueZ names it; the first when not given.',
    expects: 'a name such as hci0',
    schema: z
      .string()
      .regex(/^hci\d{1,3}$/)
      .optional(),
  } satisfies Setting<string | undefined>,
  dbusAddress: {
    env: 'AEGIS_DBUS_ADDRESS',
    description: 'D-Bus address of the system bus, by which BlueZ is reached.',
    expects: 'an address such as unix:path=/run/dbus/system_bus_socket',
    schema: z
      .string()
      .regex(/^(unix|tcp):[\w=,./-]{1,300}$/)
      .default('unix:path=/run/dbus/system_bus_socket'),
  } satisfies Setting<string>,
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
    description:
      'Hours for which readings are kept from their arrival, where the profile of their device says nothing else. They are removed by whole days, so at most a day later.',
    minimum: 1,
    maximum: 876_000,
    initial: 168,
  }),
  minutesRetentionHours: wholeNumber({
    env: 'AEGIS_MINUTES_RETENTION_HOURS',
    description:
      'Hours for which the roll-ups of readings by the minute are kept. They are removed by whole months.',
    minimum: 1,
    maximum: 876_000,
    initial: 2_160,
  }),
  hoursRetentionHours: wholeNumber({
    env: 'AEGIS_HOURS_RETENTION_HOURS',
    description:
      'Hours for which the roll-ups of readings by the hour are kept. They are removed by whole years.',
    minimum: 1,
    maximum: 876_000,
    initial: 43_800,
  }),
  deadLetters: wholeNumber({
    env: 'AEGIS_DEAD_LETTERS',
    description: 'How many refused payloads are kept in each workspace: the newest.',
    minimum: 1,
    maximum: 1_000_000,
    initial: 10_000,
  }),
  deadLetterBytes: wholeNumber({
    env: 'AEGIS_DEAD_LETTER_BYTES',
    description:
      'How much of a refused payload is kept, in bytes: with AEGIS_DEAD_LETTERS of them at most 160 MiB a workspace as set.',
    minimum: 0,
    maximum: 1_048_576,
    initial: 16_384,
  }),
  twinHistoryDays: wholeNumber({
    env: 'AEGIS_TWIN_HISTORY_DAYS',
    description: 'Days for which the changes of twins are kept.',
    minimum: 1,
    maximum: 36_500,
    initial: 90,
  }),
  maxQueuedCommands: wholeNumber({
    env: 'AEGIS_MAX_QUEUED_COMMANDS',
    description: 'How many commands may wait for one device; further ones are refused with RATE_LIMITED.',
    minimum: 1,
    maximum: 100_000,
    initial: 1_000,
  }),
  commandsRetentionDays: wholeNumber({
    env: 'AEGIS_COMMANDS_RETENTION_DAYS',
    description: 'Days after their end for which commands are kept.',
    minimum: 1,
    maximum: 36_500,
    initial: 90,
  }),
  alarmsRetentionDays: wholeNumber({
    env: 'AEGIS_ALARMS_RETENTION_DAYS',
    description: 'Days for which alarms are kept after they were cleared.',
    minimum: 1,
    maximum: 36_500,
    initial: 365,
  }),
  alarmGraceSeconds: wholeNumber({
    env: 'AEGIS_ALARM_GRACE_SECONDS',
    description:
      'Seconds after the start in which no data counts as missing: devices need a moment to come back after us.',
    minimum: 0,
    maximum: 86_400,
    initial: 30,
  }),
};

export type DevicesSettings = SettingsOf<typeof settings>;
