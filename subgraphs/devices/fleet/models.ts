import type { Connection } from '../../../kernel/graphql/connection.js';
import type {
  DeviceImportRejection,
  ExistingDevicePolicy,
  RolloutDeviceState,
  RunKind,
  RunState,
} from '../generated/schema-types.js';
import type { JsonObject } from '../twin/merge-patch.js';

/** A group as the registry holds it; its devices and their count are resolved further. */
export interface DeviceGroupModel {
  readonly workspaceId: string;
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  /** A DeviceFilter as JSON; null when the group has only members. */
  readonly selection: unknown;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A page of groups. */
export type DeviceGroupConnectionModel = Connection<DeviceGroupModel>;

/** Long work as its row tells; its error and what it works at are resolved further. */
export interface RunModel {
  readonly id: string;
  readonly kind: RunKind;
  readonly state: RunState;
  readonly revision: number;
  readonly done: number;
  readonly total: number | null;
  readonly note: string | null;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

/** A page of runs. */
export type RunConnectionModel = Connection<RunModel>;

/** Word of a run on its way to a subscriber. */
export interface RunEventModel {
  readonly cursor: string;
  readonly run: RunModel;
}

/** A table of devices: how it is taken, and how many rows came to what. */
export interface DeviceImportModel {
  readonly id: string;
  readonly header: readonly string[];
  readonly dryRun: boolean;
  readonly onExisting: ExistingDevicePolicy;
  readonly rows: number;
  readonly pending: number;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly rejected: number;
}

/** A page of refused rows. */
export type DeviceImportRejectionConnectionModel = Connection<DeviceImportRejection>;

/** A rollout as its row tells; its run, the counts of its stages and its devices are resolved further. */
export interface RolloutModel {
  readonly id: string;
  readonly name: string;
  readonly patch: JsonObject;
  readonly expected: JsonObject;
  readonly stages: readonly { readonly percent: number; readonly soakSeconds: number }[];
  /** From 0. */
  readonly stage: number;
  readonly stageDoneAt: Date | null;
  readonly rollingBack: boolean;
  readonly maxFailurePercent: number;
  readonly deviceTimeoutMs: bigint;
  readonly maxInFlight: number;
  readonly expiresAt: Date;
  readonly traceparent: string;
  readonly createdBy: string;
}

/** A page of rollouts. */
export type RolloutConnectionModel = Connection<RolloutModel>;

/** A device of a rollout; the device itself is resolved further. */
export interface RolloutDeviceModel {
  readonly deviceId: string;
  readonly position: number;
  /** From 0. */
  readonly stage: number;
  readonly state: RolloutDeviceState;
  readonly reason: string | null;
  readonly sentAt: Date | null;
  readonly finishedAt: Date | null;
}

/** A page of devices of a rollout. */
export type RolloutDeviceConnectionModel = Connection<RolloutDeviceModel>;

/** How the devices of one stage stand. */
export interface StageCounts {
  /** Of the rollout. */
  readonly id: string;
  /** From 0. */
  readonly stage: number;
  readonly devices: number;
  readonly pending: number;
  readonly inFlight: number;
  readonly succeeded: number;
  readonly failed: number;
  /** How many of those that failed count against the rollout: nobody has resumed it since. */
  readonly unforgiven: number;
  /** How many of those that failed could not be taken back. */
  readonly rollbackFailed: number;
}
