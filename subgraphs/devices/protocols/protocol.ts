import type { Health } from '../../../kernel/graphql/subgraph.js';

/**
 * A means by which telemetry arrives. It hands each message on and answers its sender only when the message has been
 * committed or refused: an acknowledgement is a promise that the reading is stored.
 */
export interface Protocol {
  /** For logs, such as `embedded MQTT broker`. */
  readonly name: string;
  /** Where devices reach it, such as `mqtt://127.0.0.1:1883`; undefined while it is not known or not ours to tell. */
  url(): string | undefined;
  start(): Promise<void>;
  /** Takes nothing new; what was taken will still be answered. */
  stopAccepting(): Promise<void>;
  close(): Promise<void>;
  health(): Health;
}
