import type { Connection } from '../../../kernel/graphql/connection.js';

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
