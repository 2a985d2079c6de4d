import type { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { Health } from '../../../kernel/graphql/subgraph.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import type { Ingest } from '../readings/ingestion.js';
import type { Sessions } from '../sessions/session.js';
import type { PayloadKind } from './payload-kind.js';

/**
 * A means by which devices are reached. It hands each message on and answers its sender only when the message has been
 * committed or refused: an acknowledgement is a promise that what it acknowledges is stored.
 */
export interface Protocol {
  /** For logs, such as `embedded MQTT broker`. */
  readonly name: string;
  /** Whether the subgraph is up without it, such as a radio that may not be there: what it lacks is told, no more. */
  readonly isOptional?: boolean;
  /** Where devices reach it, such as `mqtt://127.0.0.1:1883`; undefined while it is not known or not ours to tell. */
  url(): string | undefined;
  /** Further ones of other schemes, such as `mqtts://…`. */
  moreUrls?(): readonly string[];
  start(): Promise<void>;
  /** Takes nothing new; what was taken will still be answered. */
  stopAccepting(): Promise<void>;
  close(): Promise<void>;
  health(): Health;
  /** What of it does not work while it is up, and why; undefined when all does. */
  lacks?(): string | undefined;
}

/** Whom a protocol's peer turned out to be. */
export interface DevicePrincipal {
  readonly workspace: WorkspaceId;
  /** The one device that it may speak for; undefined for a key of the workspace, which may speak for all of its devices. */
  readonly deviceId: string | undefined;
  readonly credentialId: string | undefined;
}

/** What a device presents to be let in. */
export interface DeviceCredentials {
  /** A device's token or a key of the workspace. */
  readonly token?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** SHA-256 of its client certificate in DER, as lower-case hex: TLS has checked that it holds the key. */
  readonly certificateFingerprint?: string | undefined;
  /** Where it comes from, such as an IP address: attempts that fail are counted by it. */
  readonly address?: string | undefined;
}

/**
 * Decides who is let in; undefined when the credentials are good for nobody.
 *
 * Errors: RATE_LIMITED when too many attempts from the address have failed; UNAVAILABLE without the database.
 */
export type AdmitDevice = (credentials: DeviceCredentials) => Promise<DevicePrincipal | undefined>;

/** A message from a device beside telemetry. Resolves once it is committed. Errors: as those of {@link Ingest}. */
export interface DeviceMessage {
  readonly workspace: WorkspaceId;
  /** The device's id or name. */
  readonly device: string;
  readonly payload: Uint8Array;
}

/** A message that a protocol refuses before it hands it on. */
export interface RefusedMessage {
  readonly workspace: WorkspaceId;
  /** As its sender named it, or who the sender is; empty where neither is known. */
  readonly device: string;
  readonly payload: Uint8Array;
  readonly kind: PayloadKind;
  readonly error: AegisError;
}

/** Where protocols hand on what devices send. */
export interface Uplink {
  readonly telemetry: Ingest;
  /** A merge patch (RFC 7396, JSON or CBOR) of what the device reports of itself. */
  report(message: DeviceMessage): Promise<void>;
  /** `{"state": "DELIVERED" | "EXECUTED" | "FAILED", "output"?, "error"?}` to a command. */
  answer(message: DeviceMessage & { readonly commandId: string }): Promise<void>;
  /** `{"event": name, "data"?}`: one of the events of its profile. */
  event(message: DeviceMessage): Promise<void>;
  /** Trades a claim code for a device and its token. Errors: FORBIDDEN, BAD_USER_INPUT, CONFLICT, RATE_LIMITED. */
  claim(code: string, details: ClaimDetails): Promise<ClaimedDevice>;
  /** Whether a claim code could be traded now; one that could not is a failed attempt. Errors: RATE_LIMITED. */
  mayClaim(code: string, details: Pick<ClaimDetails, 'address'>): Promise<boolean>;
  /** Keeps and counts what is not handed on; what the others of these refuse is kept already. Never fails. */
  refused(message: RefusedMessage): void;
}

/** What a device may say of itself when it is provisioned. */
export interface ClaimDetails {
  /** What it wants to be called; made from the code's prefix otherwise. */
  readonly name?: string | undefined;
  /** Where it comes from, such as an IP address: attempts that fail are counted by it. */
  readonly address?: string | undefined;
}

/** A device that was just provisioned; its token is shown this once. */
export interface ClaimedDevice {
  readonly workspace: WorkspaceId;
  readonly deviceId: string;
  readonly name: string;
  readonly token: string;
}

/** What every protocol is given. */
export interface ProtocolDeps {
  readonly uplink: Uplink;
  readonly admit: AdmitDevice;
  readonly sessions: Sessions;
  readonly logger: Logger;
  readonly maxPayloadBytes: number;
}
