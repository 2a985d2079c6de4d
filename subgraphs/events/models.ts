import type { CloudEvent } from '../../kernel/events/event-log.js';
import type { Connection } from '../../kernel/graphql/connection.js';

export type PlatformEventModel = CloudEvent;

/** A page of facts. */
export type PlatformEventConnectionModel = Connection<CloudEvent>;

/** A device as this subgraph knows it: by its id alone. */
export interface DeviceModel {
  readonly id: string;
}
