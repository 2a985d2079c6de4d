import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import { sendDown } from '../sessions/send-down.js';
import type { DeviceSession, Sessions } from '../sessions/session.js';
import { createSessionLanes, type SessionLanes } from '../sessions/session-lanes.js';
import type { CommandQueue } from './storage/command-queue.js';
import type { LaneTurn } from './lanes.js';
import type { DeviceCommandModel } from './models.js';

/** Sends commands to devices, in the order of their queues: when they connect, and at once while they are connected here. */
export type CommandDelivery = SessionLanes;

export interface CommandDeliveryDeps {
  readonly queue: CommandQueue;
  readonly sessions: Sessions;
  readonly logger: Logger;
  readonly now: () => Date;
}

/**
 * Makes the delivery: at least once, each attempt with the same id, so that a device can tell a repetition. An attempt that
 * fails is made again after a while for as long as the device is connected, and when it connects anew. What has left without
 * an id is not sent again.
 */
export function createCommandDelivery({
  queue,
  sessions,
  logger,
  now,
}: CommandDeliveryDeps): CommandDelivery {
  /** The device's session, when it takes commands. */
  function findSession(workspace: WorkspaceId, deviceId: string): DeviceSession | undefined {
    const session = sessions.find(workspace, deviceId);
    return session?.takes?.('command') === false ? undefined : session;
  }

  async function sendWaiting(
    { workspace, deviceId, isNewSession }: LaneTurn,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const found = findSession(workspace, deviceId);
    if (!found || !(await queue.isWaiting(workspace, deviceId))) return undefined;
    if (isNewSession && found.withoutIds !== true) await queue.requeue(workspace, deviceId);
    while (!signal.aborted) {
      const session = findSession(workspace, deviceId);
      if (!session) return undefined;
      const claim = await queue.claim(workspace, deviceId);
      if (claim.kind === 'empty') return undefined;
      if (claim.kind === 'busy') return Math.max(10, claim.until.getTime() - now().getTime() + 10);
      if (claim.kind === 'claimed') await attempt(session, claim.command, signal);
    }
    return undefined;
  }

  async function attempt(
    session: DeviceSession,
    command: DeviceCommandModel,
    signal: AbortSignal,
  ): Promise<void> {
    const { workspace } = session;
    const { id, action, input, expiresAt, payload } = command;
    try {
      const delivery = await sendDown(
        session,
        { kind: 'command', id, action, input, expiresAt, payload },
        signal,
      );
      await queue.settle(workspace, id, delivery === 'SENT' && session.withoutIds ? 'SENT_ONCE' : delivery);
    } catch (error) {
      await queue.settle(workspace, id, 'FAILED');
      throw error;
    }
  }

  return createSessionLanes({ sessions, logger, what: 'send a command', work: sendWaiting });
}
