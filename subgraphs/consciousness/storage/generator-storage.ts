import type { Transaction, WorkspaceDatabase } from '../../../kernel/database/database.js';
import { generatorParameters, type GeneratorParameters } from '../generator/generator-parameters.js';

/** The generator of one workspace as it is stored. */
export interface GeneratorRow {
  readonly running: boolean;
  readonly parameters: GeneratorParameters;
  readonly startedAt: Date | null;
  readonly stopsAt: Date | null;
}

/** Rows in, rows out. */
export interface GeneratorStorage {
  /** The generator as it was left; as it is at first when it was never touched. */
  read(): Promise<GeneratorRow>;
  save(row: GeneratorRow): Promise<void>;
  /**
   * Takes or keeps the right to run the generator until an instant; false while another process has it. So only one process
   * feeds the network, although several sample it.
   */
  hold(holder: string, span: { readonly now: Date; readonly until: Date }): Promise<boolean>;
}

/** The storage of a workspace; inside a transaction, the one made from the transaction. */
export function createGeneratorStorage({
  client,
  workspace,
}: Pick<WorkspaceDatabase | Transaction, 'client' | 'workspace'>): GeneratorStorage {
  return {
    async read() {
      const row = await client.signalGenerator.findFirst();
      if (!row) {
        const parameters = generatorParameters.parse({});
        return { running: false, parameters, startedAt: null, stopsAt: null };
      }
      const { running, startedAt, stopsAt } = row;
      return { running, startedAt, stopsAt, parameters: generatorParameters.parse(row.parameters) };
    },
    async save({ running, parameters, startedAt, stopsAt }) {
      const data = {
        running,
        startedAt,
        stopsAt,
        parameters: { ...parameters, nodes: [...parameters.nodes] },
      };
      await client.signalGenerator.upsert({
        where: { workspaceId: workspace },
        create: { workspaceId: workspace, ...data },
        update: data,
      });
    },
    async hold(holder, { now, until }) {
      const { count } = await client.signalGenerator.updateMany({
        where: { OR: [{ holder }, { holder: null }, { heldUntil: null }, { heldUntil: { lt: now } }] },
        data: { holder, heldUntil: until },
      });
      return count > 0;
    },
  };
}
