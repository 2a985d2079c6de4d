import type { Connection } from '../../../kernel/graphql/connection.js';

/** Where a command stands; see command-states.ts for the moves. */
export type CommandState = 'QUEUED' | 'SENT' | 'DELIVERED' | 'EXECUTED' | 'FAILED' | 'EXPIRED' | 'CANCELLED';

/** A command as it is stored; its device is resolved further. */
export interface DeviceCommandModel {
  readonly id: string;
  /** The order in which the commands of a device are sent. */
  readonly sequence: bigint;
  readonly deviceId: string;
  readonly action: string;
  readonly input: unknown;
  /** How it looks on the way down. */
  readonly payload: 'envelope' | 'input';
  readonly state: CommandState;
  readonly attempts: number;
  readonly idempotencyKey: string | null;
  readonly requestedBy: string;
  readonly output: unknown;
  readonly error: string | null;
  readonly note: string | null;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly sentAt: Date | null;
  readonly deliveredAt: Date | null;
  readonly finishedAt: Date | null;
}

/** A move of a command on its way to a subscriber; the command itself is resolved further. */
export interface DeviceCommandEventModel {
  readonly cursor: string;
  readonly gap: boolean;
  readonly state: CommandState;
  readonly at: Date;
  readonly commandId: string;
}

/** A page of commands. */
export type DeviceCommandConnectionModel = Connection<DeviceCommandModel>;
