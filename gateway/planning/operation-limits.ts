import { getOperationAST, Kind, valueFromASTUntyped, type DocumentNode, type GraphQLSchema } from 'graphql';
import type { FragmentDefinitionNode, OperationDefinitionNode } from 'graphql';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import { readCostDirectives, type CostDirectives } from './cost-directives.js';
import { createCostOf } from './cost.js';
import { countSelections } from './count-selections.js';
import { measureOperation, type OperationMeasure } from './measure-operation.js';
import type { OperationLimitSettings } from './operation-limit-settings.js';
import { evaluate, type Quantity, type Variables } from './quantity.js';

/** Refuses operations that would cost more than the operator allows. */
export interface OperationLimits {
  /**
   * Checks what can be told from the document alone.
   *
   * Errors: OPERATION_TOO_COSTLY, with `limit`, `expected` and `got` in its extensions.
   */
  check(document: DocumentNode, operationName: string | undefined): void;
  /** Checks what the variables decide, too, and returns what the request costs at most. Errors: as above. */
  weigh(document: DocumentNode, operationName: string | undefined, variables: Variables): number;
}

export interface OperationLimitsOptions {
  /** What clients see. */
  readonly schema: GraphQLSchema;
  readonly supergraphSdl: string;
  readonly settings: OperationLimitSettings;
}

/** What is known of one operation: the same for each request of it. */
interface Weighed {
  readonly measure: OperationMeasure;
  readonly cost: Quantity;
}

/** Makes the limits of one supergraph. What they find is kept with each document, for as long as somebody has it. */
export function createOperationLimits({
  schema,
  supergraphSdl,
  settings,
}: OperationLimitsOptions): OperationLimits {
  const known = new WeakMap<DocumentNode, Map<string, Weighed | AegisError>>();
  let directives: CostDirectives | undefined;
  let costOf: ReturnType<typeof createCostOf> | undefined;

  function weighAnew(document: DocumentNode, operationName: string | undefined): Weighed {
    refuseAbove('selections', settings.maxSelections, countSelections(document), 'with all fragments spread');
    const definition = getOperationAST(document, operationName);
    if (!definition) return { measure: NOTHING, cost: 0 };
    directives ??= readCostDirectives(supergraphSdl);
    costOf ??= createCostOf({ schema, directives, defaultListSize: settings.defaultListSize });
    const operation = { definition, fragments: fragmentsOf(document), defaults: defaultsOf(definition) };
    const measure = measureOperation({ ...operation, schema, listSizes: directives.listSizes });
    checkMeasure(measure, settings);
    return { measure, cost: costOf(operation) };
  }

  function find(document: DocumentNode, operationName: string | undefined): Weighed {
    const operations = known.get(document) ?? new Map<string, Weighed | AegisError>();
    known.set(document, operations);
    const name = operationName ?? '';
    const found = operations.get(name) ?? attempt(() => weighAnew(document, operationName));
    operations.set(name, found);
    if (found instanceof AegisError) throw found;
    return found;
  }

  return {
    check(document, operationName) {
      find(document, operationName);
    },
    weigh(document, operationName, variables) {
      const { measure, cost } = find(document, operationName);
      for (const sizeOf of measure.variableListSizes) {
        const { place, size } = sizeOf(variables);
        refuseAbove('listSize', settings.maxListSize, size, `at ${place}`);
      }
      const total = evaluate(cost, variables);
      if (settings.maxCost > 0) refuseAbove('cost', settings.maxCost, total, 'as computed');
      return total;
    },
  };
}

const NOTHING: OperationMeasure = {
  depth: 0,
  introspectionDepth: 0,
  aliases: 0,
  rootFields: 0,
  directives: 0,
  recursion: { count: 0, type: '' },
  listSize: undefined,
  variableListSizes: [],
  unsliced: undefined,
};

function checkMeasure(measure: OperationMeasure, settings: OperationLimitSettings): void {
  const { recursion, listSize, unsliced } = measure;
  refuseAbove('depth', settings.maxDepth, measure.depth, 'of fields inside each other');
  refuseAbove(
    'introspectionDepth',
    settings.maxIntrospectionDepth,
    measure.introspectionDepth,
    'below __schema or __type',
  );
  refuseAbove('aliases', settings.maxAliases, measure.aliases, 'in the operation');
  refuseAbove('rootFields', settings.maxRootFields, measure.rootFields, 'in the operation');
  refuseAbove('directives', settings.maxDirectives, measure.directives, 'on one selection');
  refuseAbove('recursion', settings.maxRecursion, recursion.count, `of ${recursion.type} inside each other`);
  if (listSize) refuseAbove('listSize', settings.maxListSize, listSize.size, `at ${listSize.place}`);
  if (unsliced && settings.maxCost > 0) {
    const { field, given } = unsliced;
    throw tooCostly('slicingArguments', { expected: 1, got: given, where: `at ${field}`, exactly: true });
  }
}

function refuseAbove(limit: string, expected: number, got: number, where: string): void {
  if (got > expected) throw tooCostly(limit, { expected, got, where });
}

interface Excess {
  readonly expected: number;
  readonly got: number;
  readonly where: string;
  readonly exactly?: boolean;
}

const WORDS: Readonly<Record<string, string>> = {
  introspectionDepth: 'a depth',
  depth: 'a depth',
  rootFields: 'root fields',
  recursion: 'objects',
  listSize: 'a list size',
  slicingArguments: 'slicing arguments',
  cost: 'a cost',
};

function tooCostly(limit: string, { expected, got, where, exactly = false }: Excess): AegisError {
  const what = WORDS[limit] ?? limit;
  const article = /^an? /.exec(what)?.[0] ?? '';
  const bound = `${exactly ? 'exactly' : 'at most'} `;
  const asked = article === '' ? `${bound}${expected} ${what}` : `${what} of ${bound}${expected}`;
  // JSON knows no infinity: fragments that spread themselves have no number of selections.
  const details = { limit, expected, got: Number.isFinite(got) ? got : 'infinite' };
  return new AegisError(
    'OPERATION_TOO_COSTLY',
    `expected ${asked} ${where}, got ${details.got}. Ask for less at a time.`,
    { details },
  );
}

function fragmentsOf({ definitions }: DocumentNode): ReadonlyMap<string, FragmentDefinitionNode> {
  return new Map(
    definitions.flatMap((node) =>
      node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node] as const] : [],
    ),
  );
}

function defaultsOf({ variableDefinitions = [] }: OperationDefinitionNode): Record<string, unknown> {
  return Object.fromEntries(
    variableDefinitions.flatMap(({ variable, defaultValue }) =>
      defaultValue ? [[variable.name.value, valueFromASTUntyped(defaultValue)] as const] : [],
    ),
  );
}

function attempt<T>(make: () => T): T | AegisError {
  try {
    return make();
  } catch (error) {
    if (error instanceof AegisError) return error;
    throw error;
  }
}
