import { z } from 'zod';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { isErrorCode } from '../../../kernel/errors/codes.js';
import type { LiveBus } from '../../../kernel/events/live-bus.js';
import { newId } from '../../../kernel/ids/ids.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import { deviceAway, MAX_READS, tooManyReads, type LiveRead } from './live-read.js';

/** Asks devices that are connected to other processes, which it reaches over the live bus. */
export interface LiveReadRelay {
  /** Errors: as those of asking a device here; UNAVAILABLE when no process says that it has the device. */
  ask(read: LiveRead, signal: AbortSignal): Promise<void>;
  /** Begins to answer others. `askHere` gives undefined for a device that is not connected to this process. */
  start(askHere: (read: LiveRead) => Promise<void> | undefined): Promise<void>;
  close(): void;
}

export interface LiveReadRelayDeps {
  readonly bus: LiveBus;
  readonly workspaces: readonly WorkspaceId[];
  readonly logger: Logger;
}

const TOPIC = 'devices.live-reads';

/** How long it may take until a process says that it has the device, in milliseconds. */
const TAKE_TIMEOUT_MS = 1_000;
/** How much longer the asking process waits than the one that asks the device. */
const GRACE_MS = 1_000;

const messageSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('ask'),
    id: z.string(),
    deviceId: z.string(),
    metrics: z.array(z.string()),
    timeoutMs: z.int().positive(),
  }),
  z.object({ kind: z.literal('taken'), id: z.string() }),
  z.object({
    kind: z.literal('done'),
    id: z.string(),
    error: z.object({ code: z.string(), message: z.string() }).optional(),
  }),
]);

type Message = z.infer<typeof messageSchema>;
type Ask = Extract<Message, { kind: 'ask' }>;

interface Asked {
  settle(error?: AegisError): void;
  timer: NodeJS.Timeout;
  readonly timeoutMs: number;
}

/** Makes the relay. */
export function createLiveReadRelay({ bus, workspaces, logger }: LiveReadRelayDeps): LiveReadRelay {
  const asked = new Map<string, Asked>();
  const stops: (() => void)[] = [];

  function publish(workspace: WorkspaceId, message: Message): void {
    bus.publish({ workspace, name: TOPIC }, [message]).catch((error: unknown) => {
      // Whoever waits for it has a deadline.
      logger.warn({ err: error }, 'could not reach other processes to ask a device');
    });
  }

  function hear(message: Exclude<Message, Ask>): void {
    const one = asked.get(message.id);
    if (!one) return;
    if (message.kind === 'done') one.settle(message.error && toError(message.error));
    else restartClock(one);
  }

  function restartClock(one: Asked): void {
    clearTimeout(one.timer);
    one.timer = setTimeout(() => {
      one.settle(
        new AegisError('UPSTREAM_TIMEOUT', 'reading: the process that has the device did not answer.'),
      );
    }, one.timeoutMs + GRACE_MS);
  }

  async function answer(workspace: WorkspaceId, id: string, work: Promise<void>): Promise<void> {
    publish(workspace, { kind: 'taken', id });
    try {
      await work;
      publish(workspace, { kind: 'done', id });
    } catch (error) {
      const known =
        error instanceof AegisError ? error : new AegisError('UPSTREAM_FAILED', 'reading: it failed.');
      publish(workspace, { kind: 'done', id, error: { code: known.code, message: known.message } });
    }
  }

  return {
    ask({ workspace, deviceId, metrics, timeoutMs }, signal) {
      if (asked.size >= MAX_READS) return Promise.reject(tooManyReads());
      const id = newId('ask');
      return new Promise<void>((resolve, reject) => {
        const settle = (error?: AegisError) => {
          clearTimeout(one.timer);
          signal.removeEventListener('abort', cancel);
          asked.delete(id);
          if (error) reject(error);
          else resolve();
        };
        const cancel = () => {
          settle(new AegisError('CANCELLED', 'reading: this process ends.'));
        };
        const timer = setTimeout(() => {
          settle(deviceAway());
        }, TAKE_TIMEOUT_MS);
        const one: Asked = { settle, timer, timeoutMs };
        asked.set(id, one);
        signal.addEventListener('abort', cancel, { once: true });
        publish(workspace, { kind: 'ask', id, deviceId, metrics: [...metrics], timeoutMs });
      });
    },
    async start(askHere) {
      for (const workspace of workspaces) {
        const onMessages = (messages: readonly unknown[]) => {
          for (const one of messages) {
            const { data: message } = messageSchema.safeParse(one);
            if (!message) continue;
            if (message.kind !== 'ask') {
              hear(message);
              continue;
            }
            const work = askHere({ workspace, ...message });
            if (work) void answer(workspace, message.id, work);
          }
        };
        stops.push(await bus.listen({ workspace, name: TOPIC }, { onMessages, onLost: () => undefined }));
      }
    },
    close() {
      for (const stop of stops.splice(0)) stop();
    },
  };
}

function toError({ code, message }: { readonly code: string; readonly message: string }): AegisError {
  return new AegisError(isErrorCode(code) ? code : 'UPSTREAM_FAILED', message);
}
