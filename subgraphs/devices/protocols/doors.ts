import type { Health } from '../../../kernel/graphql/subgraph.js';
import type { OpenSession, Sessions } from '../sessions/session.js';
import type { ProtocolKind } from './protocol-kind.js';
import type { Protocol, ProtocolDeps, Uplink } from './protocol.js';

/** What a protocol is given that is counted. */
export type MeteredDeps = Pick<ProtocolDeps, 'uplink' | 'admit' | 'sessions'>;

/** How a protocol is, and what it has done since the process started. */
export interface DoorStatus {
  readonly name: string;
  readonly kind: ProtocolKind;
  readonly url: string | undefined;
  readonly health: Health | { readonly state: 'OFF'; readonly reason: string };
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
export function createDoors(deps: MeteredDeps): Doors {
  const doors: (() => DoorStatus)[] = [];
  return {
    add(kind, make) {
      const counts: Counts = { messages: 0, refused: 0, sessions: 0 };
      const protocol = make(meter(deps, counts));
      doors.push(() => ({
        ...{ kind, ...counts },
        name: protocol.name,
        url: protocol.url(),
        health: protocol.health(),
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

function meter({ uplink, admit, sessions }: MeteredDeps, counts: Counts): MeteredDeps {
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
  const counted: Uplink = {
    telemetry: (message) => count(uplink.telemetry(message)),
    report: (message) => count(uplink.report(message)),
    answer: (message) => count(uplink.answer(message)),
    event: (message) => count(uplink.event(message)),
    claim: (code, details) => count(uplink.claim(code, details)),
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
