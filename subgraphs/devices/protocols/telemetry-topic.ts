/** What a telemetry topic names. */
export interface TelemetryTopic {
  readonly workspace: string;
  /** The device's id or name. */
  readonly device: string;
}

const TELEMETRY_TOPIC = /^aegis\/(?<workspace>[^/+#]+)\/(?<device>[^/+#]+)\/telemetry$/;

/** Reads `aegis/<workspace>/<device>/telemetry`; undefined for any other topic. */
export function parseTelemetryTopic(topic: string): TelemetryTopic | undefined {
  const groups = TELEMETRY_TOPIC.exec(topic)?.groups;
  const { workspace, device } = groups ?? {};
  return workspace === undefined || device === undefined ? undefined : { workspace, device };
}

/** The topic on which the sender of refused telemetry is told why, as MQTT 3.1.1 has no negative acknowledgement. */
export function rejectedTopic(topic: string): string {
  return `${topic}/rejected`;
}

/** Whether a subscription's filter stays inside a workspace. */
export function isWithinWorkspace(filter: string, workspace: string): boolean {
  return filter.startsWith(`aegis/${workspace}/`);
}
