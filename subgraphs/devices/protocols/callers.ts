import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import type { ReachedDevice } from '../endpoints/endpoints.js';
import type { ShareDuty } from './share-duty.js';

/** Calls on devices that do not come by themselves: one call for each, for as long as it is where it is. */
export interface Callers {
  start(): Promise<void>;
  /** Ends all calls. Safe to call twice. */
  close(): Promise<void>;
}

export interface CallersDeps<D extends ReachedDevice> {
  /** By what devices are called on, for the log. */
  readonly what: string;
  readonly workspaces: readonly WorkspaceId[];
  readonly logger: Logger;
  readonly list: (workspace: WorkspaceId) => Promise<D[]>;
  /** Calls on a device until the signal is aborted. One that ends or fails before is begun anew after a while. */
  readonly call: (device: D, signal: AbortSignal) => Promise<void>;
  /** Told of each device that is not what it was. The returned function ends it. */
  readonly onChange: (listener: (workspace: WorkspaceId, deviceId: string) => void) => () => void;
  /**
   * Where several processes share a database, what has one of them at a time do this for a workspace: `perform` is for as
   * long as its signal is not aborted. Left out where this process is alone.
   */
  readonly shareDuty?: ShareDuty | undefined;
  /** How often lists are read without being told to, in milliseconds. */
  readonly refreshMs?: number;
  /** How long after the end of a call the next begins, in milliseconds. */
  readonly pauseMs?: number;
}

interface Call {
  /** What it was begun with: another place or profile is another call. */
  readonly key: string;
  readonly ending: AbortController;
  readonly done: Promise<void>;
}

const REFRESH_MS = 60_000;
const PAUSE_MS = 30_000;

/** Makes them. A change of anything about a device begins its call anew, as its profile may be another. */
export function createCallers<D extends ReachedDevice>(deps: CallersDeps<D>): Callers {
  const { what, workspaces, logger, list, onChange, shareDuty, refreshMs = REFRESH_MS } = deps;
  const calls = createCalls(deps);
  /** Workspaces whose devices this process calls on. */
  const ours = new Set<WorkspaceId>();
  const duties: ReturnType<ShareDuty>[] = [];
  const stale = new Set<WorkspaceId>();
  /** Devices whose call is begun anew. */
  const changed = new Set<string>();
  let running: Promise<void> | undefined;
  let stopListening: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  async function refresh(workspace: WorkspaceId): Promise<void> {
    const devices = ours.has(workspace) && !closed ? await list(workspace) : [];
    const wanted = new Map(devices.map((device) => [`${workspace}/${device.deviceId}`, device]));
    const over = calls
      .list()
      .filter(
        ([id, { key }]) =>
          id.startsWith(`${workspace}/`) &&
          (changed.has(id) || key !== JSON.stringify(wanted.get(id)?.endpoint)),
      );
    changed.clear();
    await Promise.all(over.map(([id]) => calls.end(id)));
    for (const [id, device] of wanted) if (!closed) calls.begin(id, device);
  }

  async function refreshStale(): Promise<void> {
    for (const workspace of stale) {
      stale.delete(workspace);
      await refresh(workspace).catch((error: unknown) => {
        logger.error({ err: error, workspace }, `could not read which devices to call on over ${what}`);
      });
    }
    running = undefined;
  }

  function wake(workspace: WorkspaceId): void {
    stale.add(workspace);
    running ??= refreshStale();
  }

  async function perform(workspace: WorkspaceId, signal: AbortSignal): Promise<void> {
    ours.add(workspace);
    wake(workspace);
    if (!signal.aborted) await once(signal, 'abort');
    ours.delete(workspace);
    wake(workspace);
    await running;
  }

  return {
    async start() {
      stopListening = onChange((workspace, deviceId) => {
        changed.add(`${workspace}/${deviceId}`);
        wake(workspace);
      });
      for (const workspace of workspaces) {
        const duty = shareDuty?.(workspace, (signal) => perform(workspace, signal));
        if (duty) duties.push(duty);
        else ours.add(workspace);
        duty?.start();
        wake(workspace);
      }
      await running;
      timer = setInterval(() => {
        for (const workspace of workspaces) wake(workspace);
      }, refreshMs);
      timer.unref();
    },
    async close() {
      closed = true;
      stopListening?.();
      clearInterval(timer);
      await Promise.all(duties.map((duty) => duty.close()));
      await running;
      await Promise.all(calls.list().map(([id]) => calls.end(id)));
    },
  };
}

interface Calls<D> {
  list(): [id: string, call: Call][];
  /** Begins one that has not begun. */
  begin(id: string, device: D): void;
  end(id: string): Promise<void>;
}

function createCalls<D extends ReachedDevice>({
  what,
  logger,
  call,
  pauseMs = PAUSE_MS,
}: CallersDeps<D>): Calls<D> {
  const calls = new Map<string, Call>();

  async function run(device: D, signal: AbortSignal): Promise<void> {
    const isOver = () => signal.aborted;
    while (!isOver()) {
      try {
        await call(device, signal);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        if (!isOver())
          logger.warn({ device: device.deviceId, reason }, `a device is not called on over ${what}`);
      }
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  return {
    list: () => [...calls],
    begin(id, device) {
      if (calls.has(id)) return;
      const ending = new AbortController();
      calls.set(id, { key: JSON.stringify(device.endpoint), ending, done: run(device, ending.signal) });
    },
    async end(id) {
      const found = calls.get(id);
      calls.delete(id);
      found?.ending.abort();
      await found?.done;
    },
  };
}
