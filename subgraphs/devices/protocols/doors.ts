import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { Health } from '../../../kernel/graphql/subgraph.js';
import type { DeadLetters } from '../readings/dead-letters/dead-letters.js';
import type { OpenSession, Sessions } from '../sessions/session.js';
import type { PayloadKind } from './payload-kind.js';
import type { ProtocolKind } from './protocol-kind.js';
import type { DeviceMessage, Protocol, ProtocolDeps, RefusedMessage, Uplink } from './protocol.js';

/** What a protocol is given that is counted. */
export type MeteredDeps = Pick<ProtocolDeps, 'uplink' | 'admit' | 'sessions'>;

export interface DoorsDeps extends Omit<MeteredDeps, 'uplink'> {
  readonly uplink: Omit<Uplink, 'refused'>;
  /** Given what is refused; telemetry that came to ingestion is recorded there, also where it came by no door. */
  readonly deadLetters: Pick<DeadLetters, 'record'>;
}

/** How a protocol is, and what it has done since the process started. */
export interface DoorStatus {
  readonly name: string;
  readonly kind: ProtocolKind;
  readonly url: string | undefined;
  readonly health: Health | { readonly state: 'OFF'; readonly reason: string };
  /** What of it does not work while it is up. */
  readonly lacks?: string | undefined;
  /** Stored. */
  readonly messages: number;
  readonly refused: number;
  /** Open now. */
  readonly sessions: number;
}

/** All protocols of this process, each with its counts. */
export interface Doors {
  /** Makes a protocol with what counts for it. */
  add<P extends Protocol>(kind: ProtocolKind, make: (metered: MeteredDeps) => P): P;
  /** Tells of one that is not used. */
  addUnused(kind: ProtocolKind, name: string, reason: string): void;
  statuses(): DoorStatus[];
}

interface Counts {
  messages: number;
  refused: number;
  sessions: number;
}

/** Makes the list. */
export function createDoors(deps: DoorsDeps): Doors {
  const doors: (() => DoorStatus)[] = [];
  return {
    add(kind, make) {
      const counts: Counts = { messages: 0, refused: 0, sessions: 0 };
      const protocol = make(meter(deps, kind, counts));
      doors.push(() => ({
        ...{ kind, ...counts },
        name: protocol.name,
        url: protocol.url(),
        health: protocol.health(),
        lacks: protocol.lacks?.(),
      }));
      return protocol;
    },
    addUnused(kind, name, reason) {
      const health = { state: 'OFF', reason } as const;
      doors.push(() => ({ kind, name, health, url: undefined, messages: 0, refused: 0, sessions: 0 }));
    },
    statuses: () => doors.map((status) => status()),
  };
}

function meter(
  { uplink, admit, sessions, deadLetters }: DoorsDeps,
  protocol: ProtocolKind,
  counts: Counts,
): MeteredDeps {
  async function count<T>(work: Promise<T>): Promise<T> {
    try {
      const result = await work;
      counts.messages += 1;
      return result;
    } catch (error) {
      counts.refused += 1;
      throw error;
    }
  }
  function record({ workspace, device, payload, kind, error }: RefusedMessage): void {
    const { code, message: reason } = error;
    deadLetters.record(workspace, { kind, code, reason, protocol, device, payload });
  }
  /** Counts work on a message that is not telemetry, and records the message when it is refused. */
  async function keep(kind: PayloadKind, message: DeviceMessage, work: Promise<void>): Promise<void> {
    try {
      await count(work);
    } catch (error) {
      if (error instanceof AegisError) record({ ...message, kind, error });
      throw error;
    }
  }
  const counted: Uplink = {
    telemetry: (message) => count(uplink.telemetry(message)),
    report: (message) => keep('REPORT', message, uplink.report(message)),
    answer: (message) => keep('ANSWER', message, uplink.answer(message)),
    event: (message) => keep('EVENT', message, uplink.event(message)),
    claim: (code, details) => count(uplink.claim(code, details)),
    async mayClaim(code, details) {
      const isGood = await uplink.mayClaim(code, details);
      if (!isGood) counts.refused += 1;
      return isGood;
    },
    refused(message) {
      counts.refused += 1;
      record(message);
    },
  };
  return {
    uplink: counted,
    async admit(credentials) {
      const principal = await admit(credentials);
      if (!principal) counts.refused += 1;
      return principal;
    },
    sessions: { ...sessions, open: (session) => countSession(sessions, session, counts) },
  };
}

function countSession(
  sessions: Sessions,
  session: Parameters<Sessions['open']>[0],
  counts: Counts,
): OpenSession {
  counts.sessions += 1;
  const open = sessions.open(session);
  let isOpen = true;
  return {
    ...open,
    close(reason, how) {
      if (isOpen) counts.sessions -= 1;
      isOpen = false;
      open.close(reason, how);
    },
  };
}
