import type { PrismaClient } from './generated/client.js';

/** The relations of every model: by model, then by field, the model that the field leads to. */
export type DataModel = ReadonlyMap<string, ReadonlyMap<string, string>>;

interface RuntimeDataModel {
  readonly models: Readonly<
    Record<
      string,
      { readonly fields: readonly { readonly name: string; readonly kind: string; readonly type: string }[] }
    >
  >;
}

/**
 * Reads the models from the client, which carries them to know its own queries; there is no public way to them.
 *
 * Errors: when a later version of Prisma keeps them elsewhere, so that nothing runs without the check built on them.
 */
export function readDataModel(client: PrismaClient): DataModel {
  const { _runtimeDataModel: model } = client as unknown as { _runtimeDataModel?: RuntimeDataModel };
  if (!model)
    throw new Error('expected the Prisma client to hold its data model, but it does not; see data-model.ts');
  return new Map(
    Object.entries(model.models).map(([name, { fields }]) => [
      name,
      new Map(fields.filter((field) => field.kind === 'object').map((field) => [field.name, field.type])),
    ]),
  );
}
