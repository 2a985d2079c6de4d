import type { TopicRoutes } from '../../../../kernel/messaging/topic-routes.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { MqttVersion } from '../../../../kernel/messaging/broker-options.js';
import type { KnownDevices } from '../../readings/known-devices.js';
import type { Protocol, ProtocolDeps } from '../protocol.js';
import type { ShareDuty } from '../share-duty.js';
import { createEmbeddedMqtt, type EmbeddedTls } from './embedded-mqtt.js';
import { createExternalMqtt } from './external-mqtt.js';

/** The settings of this protocol. */
export interface MqttSettings {
  readonly mqttPort: number;
  readonly mqttHost: string;
  readonly mqttUrl: string | undefined;
  readonly mqttClientId: string;
  readonly mqttVersion: MqttVersion;
  readonly mqttInFlight: number;
  readonly mqttMaxConnections: number;
  readonly mqttTlsPort: number | undefined;
  readonly mqttCertFile: string | undefined;
  readonly mqttKeyFile: string | undefined;
  readonly mqttCaFile: string | undefined;
  readonly mqttRequireCertificate: boolean;
  readonly sparkplugHostId: string;
  readonly seenWithinSeconds: number;
}

export interface MqttDeps extends ProtocolDeps {
  readonly devices: Pick<KnownDevices, 'find'>;
  readonly topics: TopicRoutes | undefined;
  readonly workspaces: readonly WorkspaceId[];
  readonly shareDuty: ShareDuty | undefined;
  readonly settings: MqttSettings;
}

/** Makes the client of the broker that the settings name, or a broker in this process. */
export function createMqtt({ settings, ...deps }: MqttDeps): Protocol {
  const tls = {
    certificate: settings.mqttCertFile,
    key: settings.mqttKeyFile,
    authority: settings.mqttCaFile,
  };
  if (settings.mqttUrl !== undefined) {
    return createExternalMqtt({
      ...deps,
      ...{ url: settings.mqttUrl, tls, version: settings.mqttVersion },
      clientId: settings.mqttClientId,
      inFlight: settings.mqttInFlight,
      hostId: settings.sparkplugHostId,
      silentMs: settings.seenWithinSeconds * 1_000,
    });
  }
  return createEmbeddedMqtt({
    ...deps,
    host: settings.mqttHost,
    port: settings.mqttPort,
    maxConnections: settings.mqttMaxConnections,
    hostId: settings.sparkplugHostId,
    tls: toEmbeddedTls(settings, tls),
  });
}

function toEmbeddedTls(
  { mqttTlsPort: port, mqttRequireCertificate: requireCertificate }: MqttSettings,
  files: Omit<EmbeddedTls, 'port' | 'requireCertificate'>,
): EmbeddedTls | undefined {
  return port === undefined ? undefined : { ...files, port, requireCertificate };
}
