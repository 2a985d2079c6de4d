import type { IClientOptions } from 'mqtt';
import { readTlsFiles, type TlsFiles } from './tls-files.js';

/** The versions of MQTT that a broker may speak; `auto` tries 5 and goes back to 3.1.1 where that is refused. */
export type MqttVersion = 'auto' | '5' | '3.1.1';

export interface BrokerOptions {
  readonly clientId: string;
  /** How many messages may await their commit. */
  readonly inFlight: number;
  readonly maxPayloadBytes: number;
  readonly version: MqttVersion;
  /** The authority of the broker's certificate, and the certificate and key that this client shows, if it shows one. */
  readonly tls: TlsFiles;
}

/** How long the broker keeps what was not delivered while this process is away, in seconds. */
const SESSION_EXPIRY_SECONDS = 86_400;
const CONNECT_TIMEOUT_MS = 10_000;
export const FIRST_RECONNECT_MS = 500;
export const LAST_RECONNECT_MS = 30_000;
/** How much larger than the largest payload a packet may be and still be answered. */
const PACKET_ALLOWANCE = 4;
/** The numbers of the protocol's levels. Source: MQTT 3.1.1, §3.1.2.2; MQTT 5.0, §3.1.2.2. */
const LEVEL_311 = 4;
const LEVEL_5 = 5;

/** Makes the options of the client. Errors: BAD_USER_INPUT for a file that cannot be read. */
export async function toClientOptions(options: BrokerOptions): Promise<IClientOptions> {
  const { clientId, inFlight, maxPayloadBytes, version } = options;
  return {
    ...(await readTlsFiles(options.tls)),
    protocolVersion: version === '3.1.1' ? LEVEL_311 : LEVEL_5,
    clientId,
    clean: false,
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectPeriod: FIRST_RECONNECT_MS,
    reconnectOnConnackError: true,
    // Subscribed on each connection by ourselves, so that health tells the truth about the subscription too.
    resubscribe: false,
    properties: {
      sessionExpiryInterval: SESSION_EXPIRY_SECONDS,
      // A broker that keeps to it never sends more than may wait here; the client also stops reading, if one does not.
      receiveMaximum: inFlight,
      maximumPacketSize: PACKET_ALLOWANCE * maxPayloadBytes,
    },
  };
}

/** What a CONNACK says to a version that the broker does not speak. Source: MQTT 3.1.1, §3.2.2.3; MQTT 5.0, §3.2.2.2. */
const REFUSED_VERSIONS: ReadonlySet<unknown> = new Set([1, 0x84]);

/** Goes on with MQTT 3.1.1 when the broker has refused 5 and may; whether it does. */
export function fallBack(options: IClientOptions, { version }: BrokerOptions, error: Error): boolean {
  const code: unknown = 'code' in error ? error.code : undefined;
  if (version !== 'auto' || options.protocolVersion !== LEVEL_5 || !REFUSED_VERSIONS.has(code)) return false;
  options.protocolVersion = LEVEL_311;
  return true;
}

/** Whether a connection shares its subscriptions with other processes, as only MQTT 5 can. */
export function sharesSubscriptions({ protocolVersion }: IClientOptions): boolean {
  return protocolVersion === LEVEL_5;
}
