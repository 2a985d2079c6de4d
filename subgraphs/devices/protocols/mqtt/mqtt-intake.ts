import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { TopicRoutes } from '../../../../kernel/messaging/topic-routes.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { KnownDevices } from '../../readings/known-devices.js';
import type { WhenFull } from '../../readings/reading-writer.js';
import type { DeviceMessage, Uplink } from '../protocol.js';
import type { Sparkplug } from '../sparkplug/sparkplug.js';
import type { SparkplugLink } from '../sparkplug/sparkplug-nodes.js';
import { parseSparkplugTopic } from '../sparkplug/sparkplug-topic.js';
import { parseUpTopic, type UpTopic } from './device-topic.js';

/** A message that came by a broker; its sender may publish there. */
export interface MqttMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly whenFull: WhenFull;
}

/** By what connection it came. */
export interface MqttSource {
  /** A device's status says that it is there, or is not. */
  tells(workspace: WorkspaceId, deviceId: string, online: boolean): void;
  /** Something else than telemetry came from a device. */
  heard(workspace: WorkspaceId, deviceId: string): void;
  /** Telemetry came from a device; where a connection tells no more of who is there. */
  readonly onTelemetry?: ((workspace: WorkspaceId, deviceId: string) => void) | undefined;
  readonly sparkplug: SparkplugLink;
}

/**
 * Hands a message on to who takes it; resolves once it is committed. Undefined for a topic that nobody takes.
 *
 * Errors: those of ingestion; a message that may be accepted later has a retryable one, or none of ours.
 */
export type MqttIntake = (message: MqttMessage, source: MqttSource) => Promise<unknown> | undefined;

export interface MqttIntakeDeps {
  readonly uplink: Uplink;
  readonly devices: Pick<KnownDevices, 'find'>;
  readonly topics: TopicRoutes | undefined;
  readonly sparkplug: Sparkplug;
  readonly workspaces: readonly WorkspaceId[];
}

/** Makes what both brokers do with a message: the embedded one and the client of an external one. */
export function createMqttIntake(deps: MqttIntakeDeps): MqttIntake {
  const { uplink, devices, topics } = deps;
  const served = new Map<string, WorkspaceId>(deps.workspaces.map((workspace) => [workspace, workspace]));

  async function takeStatus(
    { workspace, device, payload }: { workspace: WorkspaceId; device: string; payload: Uint8Array },
    source: MqttSource,
  ): Promise<void> {
    const online = readStatus(payload);
    const found = online === undefined ? undefined : await devices.find(workspace, device);
    if (found && online !== undefined) source.tells(workspace, found.id, online);
  }

  async function takeOther(
    { workspace: name, device, kind, commandId }: UpTopic,
    payload: Uint8Array,
    source: MqttSource,
  ) {
    const workspace = served.get(name);
    if (workspace === undefined) return;
    const message = { workspace, device, payload };
    if (kind === 'status') return takeStatus(message, source);
    if (kind === 'reported') await uplink.report(message);
    else if (kind === 'events') await uplink.event(message);
    else await uplink.answer({ ...message, commandId: commandId ?? '' });
    const found = await devices.find(workspace, device);
    if (found) source.heard(workspace, found.id);
  }

  /** What other parts of Aegis refuse. */
  async function keepRefused(work: Promise<unknown>, message: DeviceMessage): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (error instanceof AegisError) uplink.refused({ ...message, kind: 'OTHER', error });
      throw error;
    }
  }

  function tellOfTelemetry(
    { workspace: name, device }: UpTopic,
    tell: NonNullable<MqttSource['onTelemetry']>,
  ): void {
    const workspace = served.get(name);
    const found = workspace && devices.find(workspace, device);
    if (workspace === undefined || found === undefined) return;
    if (!(found instanceof Promise)) {
      tell(workspace, found.id);
      return;
    }
    found.then(
      (known) => {
        if (known) tell(workspace, known.id);
      },
      // What cannot be looked up is told to the sender by ingestion itself.
      () => undefined,
    );
  }

  return ({ topic, payload, whenFull }, source) => {
    const up = parseUpTopic(topic);
    if (up?.kind === 'telemetry') {
      const { workspace, device } = up;
      if (source.onTelemetry) tellOfTelemetry(up, source.onTelemetry);
      return uplink.telemetry({ workspace, device, payload, whenFull, protocol: 'MQTT', source: topic });
    }
    if (up) return takeOther(up, payload, source);
    const sparkplug = parseSparkplugTopic(topic);
    const group = sparkplug && served.get(sparkplug.workspace);
    if (sparkplug && group !== undefined)
      return deps.sparkplug.take(
        { ...sparkplug, topic, workspace: group, payload, whenFull },
        source.sparkplug,
      );
    const route = topics?.find(topic);
    const routed = route && served.get(route.workspace);
    if (!route || routed === undefined) return undefined;
    const work = route.handler({ workspace: routed, topic, places: route.places, payload });
    return keepRefused(work, { workspace: routed, device: '', payload });
  };
}

/** Longer ones say something else. */
const MAX_STATUS_BYTES = 256;

/** `online` or `offline`, alone or as the `state` of an object, in any case; undefined for what says neither. */
function readStatus(payload: Uint8Array): boolean | undefined {
  if (payload.byteLength > MAX_STATUS_BYTES) return undefined;
  const words = Buffer.from(payload).toString('utf8').trim().toLowerCase();
  const state = /^(?:"?(?<word>online|offline)"?|\{.*"state"\s*:\s*"(?<field>online|offline)".*\})$/s.exec(
    words,
  )?.groups;
  const said = state?.['word'] ?? state?.['field'];
  return said === undefined ? undefined : said === 'online';
}
