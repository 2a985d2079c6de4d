/** Whether a host application of Sparkplug is there. */
export interface HostState {
  readonly online: boolean;
  /** In milliseconds since 1970: of the connection, or of the goodbye. Who listens ignores what is older than it has seen. */
  readonly timestamp: number;
}

/** The topic by which edge nodes learn of their host. Source: Sparkplug 3.0.0, `tck-id-host-topic-phid-birth-topic`. */
export function hostStateTopic(hostId: string): string {
  return `spBv1.0/STATE/${hostId}`;
}

/** Writes a state, which is retained and goes by QoS 1. Source: Sparkplug 3.0.0, `tck-id-payloads-state-*`. */
export function toHostStateJson({ online, timestamp }: HostState): string {
  return JSON.stringify({ online, timestamp });
}

/** Reads a state; undefined for what is none. */
export function parseHostState(payload: Uint8Array): HostState | undefined {
  try {
    const state = JSON.parse(Buffer.from(payload).toString('utf8')) as Partial<HostState> | null;
    if (typeof state?.online !== 'boolean' || !Number.isSafeInteger(state.timestamp)) return undefined;
    return { online: state.online, timestamp: Number(state.timestamp) };
  } catch {
    return undefined;
  }
}
