import type { WorkspaceId } from '../identity/principal.js';
import type { DataModel } from './data-model.js';

type Row = Readonly<Record<string, unknown>>;

/** Refuses data that would reach out of a workspace. */
export type WriteGuard = (model: string, data: unknown) => void;

/**
 * Makes the check of everything that a query writes, nested writes included: no row may name another workspace, and no
 * nested write may take in a row by a key, since that row may belong to another.
 *
 * Rows that are written through their parent need no workspace: every relation is over the workspace and an id.
 */
export function createWriteGuard(dataModel: DataModel, workspaceId: WorkspaceId): WriteGuard {
  function checkData(model: string, data: unknown): void {
    for (const row of toRows(data)) {
      const named = row['workspaceId'];
      if (named !== undefined && named !== workspaceId) {
        throw new Error(
          `a query of workspace ${workspaceId} wrote ${model} rows of workspace ${JSON.stringify(named)}`,
        );
      }
      for (const [field, target] of dataModel.get(model) ?? []) checkRelation(target, row[field]);
    }
  }

  function checkRelation(model: string, writes: unknown): void {
    for (const [operation, given] of toRows(writes).flatMap((row) => Object.entries(row))) {
      for (const one of toRows(given)) checkNested(model, operation, one);
    }
  }

  function checkNested(model: string, operation: string, given: Row): void {
    switch (operation) {
      case 'create':
        checkData(model, given);
        return;
      case 'createMany':
        checkData(model, given['data']);
        return;
      case 'update':
      case 'updateMany':
        // To-one updates may leave out the `data` around the fields.
        checkData(model, given);
        checkData(model, given['data']);
        return;
      case 'upsert':
        checkData(model, given['create']);
        checkData(model, given['update']);
        return;
      case 'delete':
      case 'deleteMany':
        return;
      default:
        throw new Error(
          `expected a nested write of ${model} to create, update, upsert or delete, got ${operation}: ` +
            'it takes rows by a key that may be of another workspace. Write the key columns instead.',
        );
    }
  }

  return checkData;
}

function toRows(value: unknown): readonly Row[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((one): one is Row => typeof one === 'object' && one !== null);
}
