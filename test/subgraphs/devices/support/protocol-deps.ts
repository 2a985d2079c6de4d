import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { DEFAULT_WORKSPACE } from '../../../../kernel/identity/principal.js';
import { createLogger } from '../../../../kernel/telemetry/logger.js';
import type {
  DeviceMessage,
  ProtocolDeps,
  Uplink,
} from '../../../../subgraphs/devices/protocols/protocol.js';
import type { Telemetry } from '../../../../subgraphs/devices/readings/ingestion.js';
import type { DeviceSession } from '../../../../subgraphs/devices/sessions/session.js';

/** What a protocol handed on, and who is connected by it: for tests of one protocol without the rest of the subgraph. */
export interface ProtocolRecord {
  readonly deps: ProtocolDeps;
  readonly telemetry: readonly (Telemetry & { readonly text: string })[];
  /** Reports, answers and events, each as `what device payload`. */
  readonly messages: readonly string[];
  readonly sessions: readonly DeviceSession[];
  /** Reasons with which sessions ended. */
  readonly ended: readonly string[];
  /** Devices that were heard from without a session. */
  readonly seen: readonly string[];
  /** Has telemetry wait for this before it is stored, or fail by it. */
  hold(work: () => Promise<void>): void;
}

/** `dev_1` is named `boiler`, `dev_2` is named `pump`; the token `t-1` speaks for the first, `t-all` for the workspace. */
export function recordProtocol(): ProtocolRecord {
  const telemetry: (Telemetry & { readonly text: string })[] = [];
  const messages: string[] = [];
  const sessions: DeviceSession[] = [];
  const ended: string[] = [];
  const seen: string[] = [];
  let held: () => Promise<void> = () => Promise.resolve();
  const note = (what: string) => async (message: DeviceMessage) => {
    messages.push(`${what} ${message.device} ${Buffer.from(message.payload).toString()}`);
  };
  const uplink: Uplink = {
    async telemetry(message) {
      await held();
      telemetry.push({ ...message, text: Buffer.from(message.payload).toString() });
      return { accepted: 1, repeated: 0 };
    },
    report: note('report'),
    event: note('event'),
    answer: (message) => note(`answer ${message.commandId}`)(message),
    async claim(code, { name = 'new' }) {
      if (code !== 'good-code') throw new AegisError('FORBIDDEN', 'expected a claim code that is known.');
      return { workspace: DEFAULT_WORKSPACE, deviceId: 'dev_9', name, token: 't-9' };
    },
    mayClaim: (code) => Promise.resolve(code === 'good-code'),
    refused: () => undefined,
  };
  return {
    ...{ telemetry, messages, sessions, ended, seen },
    hold(work) {
      held = work;
    },
    deps: {
      uplink,
      async admit({ token, username, password }) {
        const workspace = DEFAULT_WORKSPACE;
        if (token === 't-all') return { workspace, deviceId: undefined, credentialId: undefined };
        const isFirst = token === 't-1' || (username === 'boiler' && password === 'secret');
        return isFirst ? { workspace, deviceId: 'dev_1', credentialId: 'crd_1' } : undefined;
      },
      sessions: {
        open(session) {
          sessions.push(session);
          return {
            touch: () => undefined,
            close(reason) {
              const index = sessions.indexOf(session);
              if (index < 0) return;
              sessions.splice(index, 1);
              ended.push(reason);
            },
          };
        },
        seen: (_workspace, deviceId) => void seen.push(deviceId),
        find: (_workspace, deviceId) => sessions.findLast((session) => session.deviceId === deviceId),
        end(_workspace, deviceId, reason) {
          for (const session of sessions.filter((one) => one.deviceId === deviceId)) session.end(reason);
        },
        onOpen: () => () => undefined,
      },
      logger: createLogger({ level: 'silent', pretty: false }),
      maxPayloadBytes: 10_000,
    },
  };
}

/** The id of a device by its name. */
export function findTestDevice(idOrName: string): string | undefined {
  const ids: Readonly<Record<string, string>> = {
    boiler: 'dev_1',
    pump: 'dev_2',
    dev_1: 'dev_1',
    dev_2: 'dev_2',
  };
  return ids[idOrName];
}
