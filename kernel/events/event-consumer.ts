import type { Database, Transaction } from '../database/database.js';
import type { WorkspaceId } from '../identity/principal.js';
import type { Logger } from '../telemetry/logger.js';
import { EVENTS_TOPIC, type CloudEvent, type EventLog } from './event-log.js';
import type { LiveBus } from './live-bus.js';

export interface EventConsumerOptions {
  /** Names the consumer's place in the log; two processes with one name share it. */
  readonly name: string;
  readonly workspace: WorkspaceId;
  readonly database: Database;
  readonly log: EventLog;
  readonly bus: LiveBus;
  readonly logger: Logger;
  /** Acts on one fact. What it writes through the transaction commits together with the consumer's place. */
  readonly handle: (event: CloudEvent, transaction: Transaction) => Promise<void>;
  /** How often the log is read even when nothing was announced, in milliseconds. */
  readonly pollMs?: number;
}

/** A reader of the event log that acts on what it reads. */
export interface EventConsumer {
  /**
   * Handles everything that is in the log, then what comes, until closed. A handler that throws does not fail the start:
   * its event is tried again, and those behind it wait.
   */
  start(): Promise<void>;
  /** Ends after the event in hand. */
  close(): Promise<void>;
}

const PAGE = 100;

/** The first key of the Postgres advisory lock of a consumer's place; any number that no other lock of Aegis uses. */
const PLACE_LOCK = 7_263_003;

/**
 * Reads the event log from where it stopped last time and hands each fact on, in order and exactly once: the handler's
 * writes and the new place in the log are one transaction.
 */
export function createEventConsumer(options: EventConsumerOptions): EventConsumer {
  const { name, workspace, database, log, bus, logger, handle, pollMs = 5_000 } = options;
  let closed = false;
  let stopListening: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let again = false;
  let busy = false;

  async function catchUp(): Promise<void> {
    for (;;) {
      const events = await log.readAfter(workspace, await readPlace(), PAGE);
      for (const event of events) {
        if (closed) return;
        await advance(event);
      }
      if (events.length < PAGE) return;
    }
  }

  async function readPlace(): Promise<bigint> {
    const { client } = database.inWorkspace(workspace);
    const row = await client.eventCursor.findFirst({ where: { consumer: name } });
    return row?.sequence ?? 0n;
  }

  async function advance(event: CloudEvent): Promise<void> {
    await database.inWorkspace(workspace).transaction(async (transaction) => {
      const place = `${workspace}/${name}`;
      await transaction.client
        .$executeRaw`SELECT pg_advisory_xact_lock(${PLACE_LOCK}::int, hashtext(${place}))`;
      const row = await transaction.client.eventCursor.findFirst({ where: { consumer: name } });
      if (row && row.sequence >= event.sequence) return;
      await handle(event, transaction);
      await transaction.client.eventCursor.upsert({
        where: { workspaceId_consumer: { workspaceId: workspace, consumer: name } },
        create: { workspaceId: workspace, consumer: name, sequence: event.sequence },
        update: { sequence: event.sequence },
      });
    });
  }

  /** One catch-up at a time; a wake-up during one causes exactly one more. */
  function wake(): void {
    if (closed) return;
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    running = catchUp()
      .catch((error: unknown) => {
        if (!closed)
          logger.error({ err: error, consumer: name, workspace }, 'stopped at an event; trying again');
      })
      .finally(() => {
        busy = false;
        if (again) {
          again = false;
          wake();
        }
      });
  }

  return {
    async start() {
      stopListening = await bus.listen({ workspace, name: EVENTS_TOPIC }, { onMessages: wake, onLost: wake });
      timer = setInterval(wake, pollMs);
      timer.unref();
      wake();
      await running;
    },
    async close() {
      closed = true;
      stopListening?.();
      clearInterval(timer);
      await running;
    },
  };
}
