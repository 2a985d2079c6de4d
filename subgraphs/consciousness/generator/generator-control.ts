import type { Database } from '../../../kernel/database/database.js';
import type { EventLog } from '../../../kernel/events/event-log.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { GeneratorInput } from '../generated/schema-types.js';
import type { Refusal } from '../refusal.js';
import { generatorParameters, type GeneratorParameters } from './generator-parameters.js';
import { createGeneratorStorage, type GeneratorRow } from '../storage/generator-storage.js';

/** What came of setting the generator. */
export interface GeneratorOutcome {
  readonly row: GeneratorRow | undefined;
  readonly userErrors: Refusal[];
}

/** Starts, stops and sets the generator of one workspace; each is a fact. */
export interface GeneratorControl {
  read(): Promise<GeneratorRow>;
  start(input: Partial<GeneratorInput>): Promise<GeneratorOutcome>;
  stop(): Promise<GeneratorOutcome>;
  setCoupling(coupling: number): Promise<GeneratorOutcome>;
}

export interface GeneratorControlDeps {
  readonly database: Database;
  readonly log: EventLog;
  readonly workspace: WorkspaceId;
  readonly nodeCount: number;
  readonly now: () => Date;
  /** Told after each change. */
  readonly onChange: () => void;
}

const MINUTE_MS = 60_000;

/** The control of a workspace's generator. */
export function createGeneratorControl(deps: GeneratorControlDeps): GeneratorControl {
  const { database, log, workspace, nodeCount, now, onChange } = deps;
  const rows = database.inWorkspace(workspace);

  /** Changes the row and states a fact of it, or neither. */
  async function change(
    type: 'started' | 'stopped' | 'changed',
    next: (row: GeneratorRow) => GeneratorRow | Refusal[],
  ): Promise<GeneratorOutcome> {
    const outcome = await rows.transaction(async (transaction): Promise<GeneratorOutcome> => {
      const storage = createGeneratorStorage(transaction);
      const row = next(await storage.read());
      if (Array.isArray(row)) return { row: undefined, userErrors: row };
      await storage.save(row);
      await log.append(transaction, {
        source: '/consciousness',
        type: `aegis.network.generator.${type}`,
        data: { ...row.parameters, nodes: [...row.parameters.nodes], quality: 'SIMULATED' },
      });
      return { row, userErrors: [] };
    });
    onChange();
    return outcome;
  }

  return {
    read: () => createGeneratorStorage(rows).read(),
    start: (input) =>
      change('started', (row) => {
        const parameters = readParameters(row.parameters, { input, nodeCount });
        if (Array.isArray(parameters)) return parameters;
        const startedAt = now();
        const { minutes } = parameters;
        const stopsAt = minutes === 0 ? null : new Date(startedAt.getTime() + minutes * MINUTE_MS);
        return { running: true, parameters, startedAt, stopsAt };
      }),
    stop: () => change('stopped', (row) => ({ ...row, running: false, startedAt: null, stopsAt: null })),
    setCoupling: (coupling) =>
      change('changed', (row) => {
        if (!row.running) {
          const message = 'expected a generator that runs, but it is stopped. Start it with this coupling.';
          return [{ code: 'CONFLICT', message, path: ['coupling'] }];
        }
        const parameters = readParameters(row.parameters, { input: { coupling }, nodeCount });
        return Array.isArray(parameters) ? parameters : { ...row, parameters };
      }),
  };
}

/** What is given in place of what holds, checked. */
function readParameters(
  current: GeneratorParameters,
  { input, nodeCount }: { readonly input: Partial<GeneratorInput>; readonly nodeCount: number },
): GeneratorParameters | Refusal[] {
  const given = Object.entries(input).filter(
    ([, value]: [string, unknown]) => value !== null && value !== undefined,
  );
  const { success, data, error } = generatorParameters.safeParse({
    ...current,
    ...Object.fromEntries(given),
  });
  if (!success) {
    return error.issues.map(({ path, message }) => ({
      code: 'BAD_USER_INPUT',
      message: `${path.join('.')}: ${message}.`,
      path: path.map(String),
    }));
  }
  const beyond = data.nodes.find((index) => index >= nodeCount);
  if (beyond === undefined) return { ...data, nodes: [...new Set(data.nodes)].sort((a, b) => a - b) };
  const message = `expected indexes from 0 to ${nodeCount - 1}, got ${beyond}.`;
  return [{ code: 'BAD_USER_INPUT', message, path: ['nodes'] }];
}
