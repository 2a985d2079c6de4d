import { once } from 'node:events';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { ShareDuty } from '../share-duty.js';
import { createSparkplug, type Sparkplug, type SparkplugDeps } from './sparkplug.js';

/** The host application of Sparkplug in one of several processes that are given the same messages by a broker. */
export interface FollowedSparkplug {
  /** Takes messages of workspaces that this process follows, and passes over those of others: another takes them. */
  readonly host: Sparkplug;
  follows(workspace: WorkspaceId): boolean;
  start(): void;
  /** Leaves all workspaces to others. */
  close(): Promise<void>;
}

export interface FollowedSparkplugDeps extends SparkplugDeps {
  readonly workspaces: readonly WorkspaceId[];
  /** Left out where this process is alone: it follows all. */
  readonly shareDuty?: ShareDuty | undefined;
  /** Told when other workspaces are followed than before. */
  readonly onChange: () => void;
  /** Told of a workspace that another process follows from now on. */
  readonly onLeft: (workspace: WorkspaceId) => void;
}

/** Makes it. A process that takes over asks nodes for their births when it hears of them. */
export function createFollowedSparkplug(deps: FollowedSparkplugDeps): FollowedSparkplug {
  const { workspaces, shareDuty, onChange, onLeft } = deps;
  const host = createSparkplug(deps);
  const followed = new Set<WorkspaceId>(shareDuty ? [] : workspaces);

  async function follow(workspace: WorkspaceId, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    followed.add(workspace);
    onChange();
    await once(signal, 'abort');
    followed.delete(workspace);
    onLeft(workspace);
    onChange();
  }

  const duties = shareDuty
    ? workspaces.map((workspace) => shareDuty(workspace, (signal) => follow(workspace, signal)))
    : [];
  return {
    host: {
      ...host,
      take: (message, link) =>
        followed.has(message.workspace) ? host.take(message, link) : Promise.resolve(),
    },
    follows: (workspace) => followed.has(workspace),
    start() {
      for (const duty of duties) duty.start();
    },
    async close() {
      await Promise.all(duties.map((duty) => duty.close()));
    },
  };
}
