import { Counter } from 'prom-client';
import type { SubgraphDeps } from '../../../kernel/graphql/subgraph.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { AdmitDevice } from '../protocols/protocol.js';
import type { StatedDeviceFact } from '../readings/device-facts.js';
import type { SessionTable } from '../sessions/sessions.js';
import { createAdmission, type KnownCredential } from './admit-device.js';
import { createFailedAttempts, type FailedAttempts } from './failed-attempts.js';
import { createCredentialRegistry, type CredentialRegistry } from './registry.js';

/** What devices prove themselves with. */
export interface Credentials {
  readonly registry: CredentialRegistry;
  readonly admit: AdmitDevice;
  /** Shared by all ways of trying a secret. */
  readonly failures: FailedAttempts;
  /** Acts on a fact of the event log: what was revoked, here or in another process, is cut. */
  onFact(workspace: WorkspaceId, fact: StatedDeviceFact): void;
  start(): void;
  close(): Promise<void>;
}

export interface CredentialsDeps extends Pick<
  SubgraphDeps,
  'database' | 'log' | 'workspaces' | 'identify' | 'logger' | 'metrics'
> {
  readonly sessions: SessionTable;
}

/** How often what was used is stored, and what has expired meanwhile is cut, in milliseconds. */
const ROUND_MS = 10_000;
const REVOKED = 'aegis.credential.revoked';
const REMOVED = 'aegis.device.removed';

/** Ties this room together: the rows of credentials, the door of devices, and the end of those that were revoked. */
export function createCredentials(deps: CredentialsDeps): Credentials {
  const { workspaces, sessions, logger } = deps;
  /** When each credential was last used, by workspace: what is to be stored next. */
  const used = new Map(workspaces.map((workspace) => [workspace, new Map<string, number>()]));
  const failures = createFailedAttempts();
  const refused = new Counter({
    name: 'aegis_devices_admissions_refused_total',
    help: 'Attempts of devices to be let in that were refused',
    registers: [deps.metrics],
  });
  const registry = createCredentialRegistry({ ...deps, onRevoked: cut });
  const admission = createAdmission({
    find: (digest) => registry.findByDigest(digest),
    ...{ identify: deps.identify, failures, guesses: createFailedAttempts() },
    onUse: ({ workspace, id }: KnownCredential) => used.get(workspace)?.set(id, Date.now()),
    onRefused: () => {
      refused.inc();
    },
  });
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  function cut(workspace: WorkspaceId, { id, deviceId }: { id: string; deviceId: string }): void {
    admission.forget(workspace, deviceId, id);
    sessions.end(workspace, deviceId, 'its credential was revoked', id);
  }

  async function storeUses(workspace: WorkspaceId): Promise<void> {
    const uses = used.get(workspace);
    if (!uses?.size) return;
    used.set(workspace, new Map());
    await registry.markUsed(workspace, uses);
  }

  /** Also cuts a session that was opened in the very moment of the revocation of its credential. */
  async function cutEnded(workspace: WorkspaceId): Promise<void> {
    const ids = new Set(
      sessions
        .list()
        .flatMap((session) => (session.workspace === workspace ? (session.credentialId ?? []) : [])),
    );
    if (ids.size === 0) return;
    for (const { id, deviceId } of await registry.findEnded(workspace, [...ids])) {
      admission.forget(workspace, deviceId, id);
      sessions.end(workspace, deviceId, 'its credential has expired or was revoked', id);
    }
  }

  async function round(): Promise<void> {
    for (const workspace of workspaces) {
      try {
        await storeUses(workspace);
        await cutEnded(workspace);
      } catch (error) {
        logger.error({ err: error, workspace }, 'could not look after credentials; trying again');
      }
    }
  }

  return {
    ...{ registry, failures, admit: admission.admit },
    onFact(workspace, { type, id, data }) {
      if (type === REMOVED) {
        admission.forget(workspace, id);
        sessions.end(workspace, id, 'the device was removed');
      }
      const deviceId = type === REVOKED ? data['deviceId'] : undefined;
      if (typeof deviceId === 'string') cut(workspace, { id, deviceId });
    },
    start() {
      let busy = false;
      timer = setInterval(() => {
        if (busy) return;
        busy = true;
        running = round().finally(() => {
          busy = false;
        });
      }, ROUND_MS).unref();
    },
    async close() {
      clearInterval(timer);
      await running;
      await round();
    },
  };
}
