/** What a device publishes on its own topics. */
export type UpKind = 'telemetry' | 'reported' | 'events' | 'status' | 'answer';

/** What a topic below `aegis/<workspace>/<device>/` names that a device publishes on. */
export interface UpTopic {
  readonly workspace: string;
  /** The device's id or name. */
  readonly device: string;
  readonly kind: UpKind;
  /** Of an answer: the command's id. */
  readonly commandId: string | undefined;
}

/** What a device is told on its own topics. */
export type DownKind = 'commands' | 'desired' | 'reads';

/** On which of its topics a device is told what. */
export const DOWN_TOPICS = { command: 'commands', desired: 'desired', read: 'reads' } as const;

/** A filter that one device may subscribe to. */
export interface DownFilter {
  readonly workspace: string;
  /** The device's id or name. */
  readonly device: string;
  /** Undefined for word of what was refused. */
  readonly kind: DownKind | undefined;
}

const UP =
  /^aegis\/(?<workspace>[^/+#]+)\/(?<device>[^/+#]+)\/(?:(?<kind>telemetry|reported|events|status)|commands\/(?<command>[^/+#]+)\/answer)$/;
const DOWN =
  /^aegis\/(?<workspace>[^/+#]+)\/(?<device>[^/+#]+)\/(?:(?<kind>commands|desired|reads)|(?:telemetry|reported|events|commands\/[^/#]+\/answer)\/rejected)$/;

/**
 * Reads `aegis/<workspace>/<device>/telemetry`, `…/reported`, `…/events`, `…/status` and `…/commands/<id>/answer`;
 * undefined for any other topic.
 */
export function parseUpTopic(topic: string): UpTopic | undefined {
  const { workspace, device, kind, command } = UP.exec(topic)?.groups ?? {};
  if (workspace === undefined || device === undefined) return undefined;
  return { workspace, device, kind: (kind as UpKind | undefined) ?? 'answer', commandId: command };
}

/** Reads `aegis/<workspace>/<device>/commands`, `…/desired`, `…/reads` and the `…/rejected` of what it publishes. */
export function parseDownFilter(filter: string): DownFilter | undefined {
  const { workspace, device, kind } = DOWN.exec(filter)?.groups ?? {};
  if (workspace === undefined || device === undefined) return undefined;
  return { workspace, device, kind: kind as DownKind | undefined };
}

/** The topic on which the sender of a refused message is told why, as MQTT 3.1.1 has no negative acknowledgement. */
export function rejectedTopic(topic: string): string {
  return `${topic}/rejected`;
}

/** Whether a subscription's filter stays inside a workspace. */
export function isWithinWorkspace(filter: string, workspace: string): boolean {
  return filter.startsWith(`aegis/${workspace}/`) || filter.startsWith(`spBv1.0/${workspace}/`);
}
