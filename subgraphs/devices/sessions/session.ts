import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { ProtocolKind } from '../protocols/protocol-kind.js';

/** What is sent down to a device. */
export type Downlink =
  | {
      readonly kind: 'command';
      readonly id: string;
      readonly action: string;
      /** A JSON value that fits the action's input schema. */
      readonly input: unknown;
      readonly expiresAt: Date;
      readonly payload: 'envelope' | 'input';
    }
  | {
      readonly kind: 'desired';
      readonly version: number;
      readonly desired: Readonly<Record<string, unknown>>;
    };

/** The question for values of now. It waits for no device: who asks has a deadline. */
export interface ReadQuestion {
  readonly kind: 'read';
  readonly id: string;
  readonly metrics: readonly string[];
  /** When nobody waits for the answer any more. */
  readonly expiresAt: Date;
}

/** `DELIVERED`: the device itself acknowledged it; `SENT`: it left us, and the protocol tells no more. */
export type Delivery = 'DELIVERED' | 'SENT';

/** A device that can be reached now, by one protocol. Made by the protocol, used by everybody else. */
export interface DeviceSession {
  readonly workspace: WorkspaceId;
  readonly deviceId: string;
  readonly protocol: ProtocolKind;
  /** Which of its credentials it came with; undefined for one that came with a key of the workspace, or needs none. */
  readonly credentialId?: string | undefined;
  /**
   * Whether the device takes something of this kind on this session, as it may listen for one and not for the other; what
   * it does not take waits for its next session. Everything when left out.
   */
  readonly takes?: ((kind: (Downlink | ReadQuestion)['kind']) => boolean) | undefined;
  /** It sends up alone: nothing can be sent down, and nobody is told that the device can be reached. */
  readonly upOnly?: boolean | undefined;
  /** Commands leave without their ids, so that the device could not tell a repetition: what has left is not sent again. */
  readonly withoutIds?: boolean | undefined;
  /** Errors: UNAVAILABLE when it could not be delivered: then it is tried again on the next session. */
  send(downlink: Downlink, signal: AbortSignal): Promise<Delivery>;
  /**
   * Asks the device itself for values; what it answers is ingested as any other telemetry before this resolves.
   * Undefined where the protocol cannot read. Errors: UPSTREAM_TIMEOUT, UPSTREAM_FAILED; BAD_USER_INPUT for what no device
   * can be asked for by it.
   */
  readonly read?: ((metrics: readonly string[], signal: AbortSignal) => Promise<void>) | undefined;
  /**
   * Where the protocol cannot read: tells the device what it is asked for, which it sends as any other telemetry. Undefined
   * where the device can be told nothing of the kind. Errors: as those of `send`.
   */
  readonly ask?: ((question: ReadQuestion, signal: AbortSignal) => Promise<Delivery>) | undefined;
  /** Ends the connection, such as when its credential is revoked. */
  end(reason: string): void;
}

/** What a protocol holds of a session that it opened. */
export interface OpenSession {
  /** Something was heard from the device: cheap, called for each message. */
  touch(): void;
  /** The connection is gone. Safe to call twice. `lost`: without a goodbye, as an MQTT will or a Sparkplug death tells. */
  close(reason: string, how: 'closed' | 'lost'): void;
}

/** Who is connected to this process. */
export interface Sessions {
  open(session: DeviceSession): OpenSession;
  /** Heard from a device that keeps no connection (HTTP, a CoAP datagram): counts as seen, opens nothing. */
  seen(workspace: WorkspaceId, deviceId: string, protocol: ProtocolKind): void;
  /** The newest session of a device by which it can be reached. */
  find(workspace: WorkspaceId, deviceId: string): DeviceSession | undefined;
  /** Ends all sessions of a device, or those that came with one credential. */
  end(workspace: WorkspaceId, deviceId: string, reason: string, credentialId?: string): void;
  /** Told of each session that opens, so that what waits for its device is sent. The returned function ends it. */
  onOpen(listener: (session: DeviceSession) => void): () => void;
}
