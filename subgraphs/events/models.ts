import type { CloudEvent } from '../../kernel/events/event-log.js';
import type { Connection } from '../../kernel/graphql/connection.js';

export type PlatformEventModel = CloudEvent;

/** A page of facts. */
export interface PlatformEventConnectionModel extends Connection<CloudEvent> {
  /** Where the feed goes on behind this page. */
  readonly feedCursor: string;
}

/** A device as this subgraph knows it: by its id alone. */
export interface DeviceModel {
  readonly id: string;
}
