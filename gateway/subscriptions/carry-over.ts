import {
  getNamedType,
  isAbstractType,
  isEnumType,
  Kind,
  print,
  TypeInfo,
  visit,
  visitWithTypeInfo,
  type DocumentNode,
  type GraphQLSchema,
} from 'graphql';
import type { CompiledPlan } from '../execution/compile-plan.js';
import type { Generation } from '../generation.js';
import type { ReadSharedOperation, SharedOperation } from './shared-operation.js';

/**
 * The same operation in another generation, when it means the same there: the same fetches from the same addresses, and
 * the same types in its response. Undefined when it does not, and a client must ask anew.
 */
export async function findSameIn(
  generation: Generation,
  operation: SharedOperation,
  read: ReadSharedOperation,
): Promise<SharedOperation | undefined> {
  const { asked } = operation;
  try {
    const document = generation.readDocument(print(asked.document));
    if (!('kind' in document)) return undefined;
    const again = read({ ...asked, generation, document });
    if (!('key' in again)) return undefined;
    return (await describe(again)) === (await describe(operation)) ? again : undefined;
  } catch {
    // It cannot be planned any more.
    return undefined;
  }
}

/** All that an execution of the operation depends on, as a text. */
async function describe({ asked, resumable, variables }: SharedOperation): Promise<string> {
  const { generation, operationName } = asked;
  const document = resumable?.document ?? asked.document;
  const { apiSchema, subgraphs, overrideLabels } = generation.snapshot;
  const prepared = generation.prepare(document, operationName);
  const plans: string[] = [];
  // Before fields have moved to their new subgraphs, and afterwards.
  for (const moved of overrideLabels.length > 0 ? [false, true] : [false]) {
    const overrides = new Map(overrideLabels.map((label) => [label, moved]));
    plans.push(describePlan((await prepared.variantFor(variables, overrides)).plan));
  }
  const planned = plans.join('\n');
  const used = subgraphs.filter(({ name }) => planned.includes(JSON.stringify(name)));
  return [planned, JSON.stringify(used), describeTypes(document, apiSchema)].join('\n');
}

/** The fetches of a plan, their order and what they need. */
function describePlan(plan: CompiledPlan): string {
  return JSON.stringify(plan, (key, value: unknown) => {
    // The text says the same.
    if (key === 'document') return undefined;
    if (value instanceof Set) return [...(value as Set<unknown>)];
    return value instanceof Map ? [...(value as Map<unknown, unknown>)] : value;
  });
}

/** The types of all fields that a document selects, and what their values can be. */
function describeTypes(document: DocumentNode, schema: GraphQLSchema): string {
  const types = new TypeInfo(schema);
  const described: string[] = [];
  visit(
    document,
    visitWithTypeInfo(types, {
      [Kind.FIELD]: () => {
        const type = types.getType();
        const named = type && getNamedType(type);
        described.push(String(type));
        if (isEnumType(named)) described.push(...named.getValues().map(({ name }) => name));
        if (isAbstractType(named)) described.push(...schema.getPossibleTypes(named).map(({ name }) => name));
      },
    }),
  );
  return described.join(' ');
}
