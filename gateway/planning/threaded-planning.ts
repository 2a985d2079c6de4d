import type { QueryPlan } from '@apollo/query-planner';
import type { DefinitionNode } from 'graphql';
import type { Worker } from 'node:worker_threads';
import type { Logger } from '../../kernel/telemetry/logger.js';
import {
  createSnapshot,
  parseDefinitions,
  type SupergraphFacts,
  type SupergraphSnapshot,
} from '../supergraph/snapshot.js';
import type { PlannedSupergraph, Planning } from './planning.js';
import type { PlanningTask } from './planning-task.js';
import { createPlanningQueue } from './planning-queue.js';
import { startPlanningThread } from './start-planning-thread.js';

export interface ThreadedPlanningOptions {
  readonly logger: Logger;
  /** How many plans wait at most before more are refused; 1,000 by default. */
  readonly maxWaitingPlans?: number;
  /** How long one plan may take, in milliseconds; 10,000 by default. */
  readonly planTimeoutMs?: number;
  /** How long reading or composing a supergraph may take, in milliseconds; 60,000 by default. */
  readonly readTimeoutMs?: number;
  readonly startThread?: () => Worker;
}

/** How much of a schema is parsed in one turn of the event loop, in characters: a millisecond or two of work. */
const CHARACTERS_PER_TURN = 16_384;

/**
 * Planning in a thread of its own, one for all supergraphs of a process: requests are served meanwhile. The thread starts
 * with the first task; when it stops, another one takes its place, and what it was doing is tried once more.
 */
export function createThreadedPlanning(options: ThreadedPlanningOptions): Planning {
  const { logger, startThread = startPlanningThread } = options;
  /** The supergraphs that the thread knows, by number. */
  const opened = new Map<number, string>();
  let lastNumber = 0;

  const queue = createPlanningQueue({
    startThread,
    reopen: () => [...opened].map(([supergraph, sdl]): PlanningTask => ({ kind: 'open', supergraph, sdl })),
    maxWaiting: options.maxWaitingPlans ?? 1_000,
    planTimeoutMs: options.planTimeoutMs ?? 10_000,
    readTimeoutMs: options.readTimeoutMs ?? 60_000,
    onStop: (reason) => {
      logger.error({ reason }, 'the planning thread stopped; another one takes its place');
    },
  });

  async function read(supergraph: number, sdl: string): Promise<SupergraphFacts> {
    const facts = await queue.run({ kind: 'open', supergraph, sdl });
    opened.set(supergraph, sdl);
    return facts;
  }

  async function open(sdl: string): Promise<PlannedSupergraph> {
    lastNumber += 1;
    const supergraph = lastNumber;
    const facts = await read(supergraph, sdl);
    let reading: Promise<unknown> | undefined;
    return {
      snapshot: await buildSnapshot(sdl, facts),
      planner: {
        async plan({ text, overrides }): Promise<QueryPlan> {
          // Forgotten, and needed once more by an operation that was read before.
          if (!opened.has(supergraph)) {
            await (reading ??= read(supergraph, sdl).finally(() => (reading = undefined)));
          }
          const plan = await queue.run({ kind: 'plan', supergraph, text, overrides: [...overrides] });
          return JSON.parse(plan) as QueryPlan;
        },
      },
      close() {
        if (!opened.delete(supergraph)) return;
        // A thread that has stopped, or is about to, has forgotten it as well.
        queue.run({ kind: 'forget', supergraph }).catch(() => undefined);
      },
    };
  }

  return {
    open,
    compose: (subgraphs) => queue.run({ kind: 'compose', subgraphs }),
    extractSubgraphs: (sdl) => queue.run({ kind: 'extract', sdl }),
    close: () => queue.close(),
  };
}

/** Parses the schema in several turns, so that none of them takes long. */
async function buildSnapshot(sdl: string, facts: SupergraphFacts): Promise<SupergraphSnapshot> {
  const definitions: DefinitionNode[] = [];
  let part = '';
  for (const [index, text] of facts.apiSdl.entries()) {
    part += `${text}\n`;
    if (part.length < CHARACTERS_PER_TURN && index < facts.apiSdl.length - 1) continue;
    definitions.push(...parseDefinitions(part));
    part = '';
    await new Promise(setImmediate);
  }
  return createSnapshot(sdl, facts, definitions);
}
