import { z } from 'zod';
import { readWith } from '../../kernel/config/read-with.js';
import { wholeNumber } from '../../kernel/config/whole-number.js';
import { parseDeviceKeys } from './device-keys.js';

/** What `aegis edge` alone reads. */
export const edgeSettings = {
  hubUrl: {
    env: 'AEGIS_EDGE_HUB_URL',
    flag: 'hub',
    description:
      'aegis edge: the address of the Aegis that messages are handed on to, such as https://aegis.example.com.',
    expects: 'an http or https URL',
    schema: z.url({ protocol: /^https?$/ }).default('http://127.0.0.1:4000'),
  },
  hubKey: {
    env: 'AEGIS_EDGE_HUB_KEY',
    description:
      'aegis edge: an API key of that Aegis; its workspace is the one whose devices the edge serves.',
    expects: 'a key',
    schema: z.string().min(1).optional(),
    secret: true,
  },
  deviceKeys: {
    env: 'AEGIS_EDGE_DEVICE_KEYS',
    description:
      'aegis edge: keys that speak for one device each, as device=[workspace:]key, comma-separated; those of AEGIS_API_KEYS speak for all. The device is named as in its topics.',
    expects: 'device=[workspace:]key, comma-separated, each key with at least 24 characters',
    schema: z.string().default('').transform(readWith(parseDeviceKeys)),
    secret: true,
  },
  folder: {
    env: 'AEGIS_EDGE_DATA',
    flag: 'data',
    description: 'aegis edge: the folder that keeps messages until the hub has them.',
    expects: 'a folder',
    schema: z.string().min(1).default('.aegis-edge'),
  },
  maxDiskMegabytes: wholeNumber({
    env: 'AEGIS_EDGE_MAX_DISK_MEGABYTES',
    flag: 'max-disk',
    description:
      'aegis edge: how much the kept messages may take on the disk, in MiB. When it is full nothing is dropped: HTTP is answered 429, and MQTT acknowledgements wait.',
    minimum: 1,
    maximum: 1_048_576,
    initial: 1_024,
  }),
  host: {
    env: 'AEGIS_EDGE_HOST',
    flag: 'host',
    description:
      'aegis edge: the address to listen on, by MQTT and HTTP. Any but a loopback address needs AEGIS_API_KEYS or AEGIS_EDGE_DEVICE_KEYS.',
    expects: 'a host name or an IP address',
    schema: z.string().min(1).default('127.0.0.1'),
  },
  port: wholeNumber({
    env: 'AEGIS_EDGE_PORT',
    flag: 'port',
    description: 'aegis edge: the TCP port of HTTP: telemetry, health and metrics; 0 takes any free one.',
    minimum: 0,
    maximum: 65_535,
    initial: 4_080,
  }),
  mqttPort: wholeNumber({
    env: 'AEGIS_EDGE_MQTT_PORT',
    flag: 'mqtt-port',
    description: 'aegis edge: the TCP port of MQTT; 0 takes any free one.',
    minimum: 0,
    maximum: 65_535,
    initial: 1_883,
  }),
  maxPayloadBytes: wholeNumber({
    env: 'AEGIS_EDGE_MAX_PAYLOAD_BYTES',
    description:
      'aegis edge: the largest telemetry payload that is accepted, in bytes; at most that of the hub.',
    minimum: 1_024,
    maximum: 67_108_864,
    initial: 1_048_576,
  }),
} as const;
