import type { SubgraphDeps } from '../../../kernel/graphql/subgraph.js';
import { cursorAtEnd, type FactDelivery } from '../../../kernel/events/fact-stream.js';
import type { ResumableSource } from '../../../kernel/events/resumable-stream.js';
import { newId } from '../../../kernel/ids/ids.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import { createDuty } from '../duties/duty.js';
import { createDutyRegistry } from '../duties/registry.js';
import { createAlarmLoaders, type AlarmLoaders } from './alarm-loaders.js';
import { createAlarmMutations, type AlarmMutations } from './alarm-mutations.js';
import { ALARM_STREAM, openAlarmStream, type AlarmStreamOptions } from './alarm-stream.js';
import { createAssignments, type AssignmentsDeps } from './evaluation/assignments.js';
import { createEvaluator, type Evaluator, type ReadingItem } from './evaluation/evaluator.js';
import { createEvaluationRegistry } from './evaluation/registry.js';
import { createWriteChanges } from './evaluation/write-changes.js';
import { createAlarmRegistry, type AlarmRegistry } from './registry.js';
import type { NamedDevices } from './rules/device-names.js';
import { createRuleRegistry, type RuleRegistry } from './rules/registry.js';
import { createRuleMutations, type RuleMutations } from './rules/rule-mutations.js';
import { createRuleTransfer, type RuleTransfer } from './rules/rule-transfer.js';

/** The settings of this room. */
export interface AlarmSettings {
  readonly alarmsRetentionDays: number;
  readonly alarmGraceSeconds: number;
}

export interface AlarmsDeps extends Pick<SubgraphDeps, 'database' | 'log' | 'bus' | 'logger' | 'workspaces'> {
  readonly settings: AlarmSettings;
  /** The readings of a workspace in the order of commit. */
  readonly openSource: (workspace: WorkspaceId, signal: AbortSignal) => ResumableSource<ReadingItem>;
  readonly selects: AssignmentsDeps['selects'];
  readonly findProfileAlarms: AssignmentsDeps['findProfileAlarms'];
  readonly now?: () => number;
  /** How often the clock is looked at, in milliseconds. */
  readonly tickMs?: number;
  /** How long a process evaluates without a word before another takes over, in milliseconds. */
  readonly leaseMs?: number;
}

/** All about alarms: rules, their evaluation, what came of it, and what people do about it. */
export interface Alarms {
  readonly registry: AlarmRegistry;
  readonly rules: RuleRegistry;
  readonly ruleMutations: RuleMutations;
  readonly transfer: RuleTransfer;
  readonly mutations: AlarmMutations;
  createLoaders(workspace: WorkspaceId): AlarmLoaders;
  /** Where the stream of moves stands now. */
  movesCursor(workspace: WorkspaceId): Promise<string>;
  openStream(workspace: WorkspaceId, options: AlarmStreamOptions): AsyncIterableIterator<FactDelivery>;
  /** To be told of facts about devices: which rules look at one may have changed. */
  onFact(workspace: WorkspaceId, fact: { readonly type: string; readonly id: string }): void;
  start(): void;
  close(): Promise<void>;
}

const DUTY = 'alarms';
const LEASE_MS = 10_000;
const DAY_MS = 86_400_000;
const PRUNE_CHUNK = 1_000;

/** Facts about devices that change nothing about which rules look at them. */
const PASSING = /^aegis\.(?:device\.(?:connected|disconnected|event|twin\.)|credential\.|command\.)/;

/** Ties this room together. */
export function createAlarms(deps: AlarmsDeps): Alarms {
  const { database, log, bus, logger, workspaces, settings, now = Date.now, leaseMs = LEASE_MS } = deps;
  const registry = createAlarmRegistry(database);
  const rules = createRuleRegistry({ database, log });
  const evaluation = createEvaluationRegistry(database);
  const duties = createDutyRegistry({ database, name: DUTY, holder: newId('prc'), leaseMs });
  const write = createWriteChanges({ ...{ database, log, duties, registry: evaluation }, alarms: registry });
  const findDevices = async (workspace: WorkspaceId, idsOrNames: readonly string[]): Promise<NamedDevices> =>
    evaluation.named(workspace, idsOrNames);

  async function prune(workspace: WorkspaceId): Promise<void> {
    const before = new Date(now() - settings.alarmsRetentionDays * DAY_MS);
    for (let removed = PRUNE_CHUNK; removed === PRUNE_CHUNK;) {
      removed = await registry.prune(workspace, before, PRUNE_CHUNK);
    }
  }

  const evaluators = new Map<WorkspaceId, Evaluator>(
    workspaces.map((workspace) => [
      workspace,
      createEvaluator({
        ...{ workspace, bus, log, write, now, registry: evaluation },
        ...(deps.tickMs === undefined ? {} : { tickMs: deps.tickMs }),
        allRules: rules.all,
        createAssignments: (all) => createAssignments({ ...deps, workspace, onMistake: warn }, all),
        graceMs: settings.alarmGraceSeconds * 1_000,
        openSource: (signal) => deps.openSource(workspace, signal),
        prune: () => prune(workspace),
      }),
    ]),
  );
  function warn(what: string, error: unknown): void {
    logger.warn({ err: error }, `could not make out ${what}`);
  }
  const work = [...evaluators].map(([workspace, { perform }]) =>
    createDuty({ ...{ workspace, logger, leaseMs, perform }, name: DUTY, registry: duties }),
  );

  return {
    ...{ registry, rules },
    ruleMutations: createRuleMutations({ rules, findDevices }),
    transfer: createRuleTransfer({ rules, findDevices }),
    mutations: createAlarmMutations({ database, log, alarms: registry, now: () => new Date(now()) }),
    createLoaders: (workspace) => createAlarmLoaders({ alarms: registry, rules, findDevices }, workspace),
    movesCursor: (workspace) => cursorAtEnd(log, workspace, ALARM_STREAM),
    openStream: (workspace, options) => openAlarmStream({ log, bus }, workspace, options),
    onFact(workspace, { type, id }) {
      if (!PASSING.test(type)) evaluators.get(workspace)?.deviceChanged(id);
    },
    start() {
      for (const duty of work) duty.start();
    },
    async close() {
      await Promise.all(work.map((duty) => duty.close()));
    },
  };
}
