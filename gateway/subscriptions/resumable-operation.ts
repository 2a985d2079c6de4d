import {
  getNamedType,
  GraphQLID,
  GraphQLString,
  isInterfaceType,
  isNonNullType,
  isObjectType,
  Kind,
  parseType,
  TypeInfo,
  visit,
  visitWithTypeInfo,
  type ArgumentNode,
  type DocumentNode,
  type FieldNode,
  type GraphQLField,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type ValueNode,
  type VariableDefinitionNode,
} from 'graphql';

/**
 * A subscription that can be taken up again where it was lost: its field takes `after` and each of its events has a
 * `cursor` that names it.
 */
export interface ResumableOperation {
  /** The operation with the place to begin as a variable, and with the cursor of each event under a name of our own. */
  readonly document: DocumentNode;
  /** The client's variable that says where to begin and nothing else; undefined when there is none. */
  readonly startVariable: string | undefined;
  /** Where the client's operation begins; undefined when it does not say. */
  startOf(variables: Readonly<Record<string, unknown>>): unknown;
  /** The variables that begin behind a cursor; those of the client when it is undefined. */
  variablesAfter(
    variables: Readonly<Record<string, unknown>>,
    after: unknown,
  ): Readonly<Record<string, unknown>>;
}

/** The argument that says where to begin, and the field that names an event. */
const AFTER = 'after';
const CURSOR = 'cursor';
/** The names of our own; a client's operation that has one of them is not resumed. */
const AFTER_VARIABLE = 'aegis__after';
const CURSOR_ALIAS = 'aegis__cursor';

const CURSOR_FIELD: FieldNode = {
  kind: Kind.FIELD,
  alias: { kind: Kind.NAME, value: CURSOR_ALIAS },
  name: { kind: Kind.NAME, value: CURSOR },
};

/**
 * Reads whether a valid subscription is resumable; undefined when it is not.
 *
 * @param operation the one of the document that is executed.
 */
export function readResumable(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  schema: GraphQLSchema,
): ResumableOperation | undefined {
  const types = new TypeInfo(schema);
  const root = schema.getSubscriptionType();
  const found: { field: GraphQLField<unknown, unknown>; given: ValueNode | undefined }[] = [];
  const names = new Set<string>();
  const uses = new Map<string, number>();
  const rewritten = visit(
    document,
    visitWithTypeInfo(types, {
      [Kind.VARIABLE_DEFINITION]: ({ variable }) => {
        names.add(variable.name.value);
      },
      [Kind.VARIABLE]: ({ name: { value } }) => {
        uses.set(value, (uses.get(value) ?? 0) + 1);
      },
      [Kind.FIELD]: {
        leave(node) {
          if (node.alias) names.add(node.alias.value);
          const field = types.getFieldDef();
          if (types.getParentType() !== root || !field || field.name.startsWith('__')) return undefined;
          found.push({ field, given: node.arguments?.find(({ name }) => name.value === AFTER)?.value });
          return withCursor(node);
        },
      },
    }),
  );
  const [only] = found;
  // Several operations in one document, or one that is spread twice, are left as they are: nobody writes that.
  if (names.has(AFTER_VARIABLE) || names.has(CURSOR_ALIAS)) return undefined;
  if (!only || found.length > 1 || !isResumable(only.field)) return undefined;
  const definition = declareAfter(only.field);
  return {
    document: {
      ...rewritten,
      definitions: rewritten.definitions.map((node) =>
        node.kind === Kind.OPERATION_DEFINITION && node.name?.value === operation.name?.value
          ? { ...node, variableDefinitions: [...(node.variableDefinitions ?? []), definition] }
          : node,
      ),
    },
    startVariable: findStartVariable(only.given, uses),
    startOf: (variables) => readStart(only.given, variables),
    variablesAfter(variables, after) {
      const start = after ?? readStart(only.given, variables);
      return start === undefined ? variables : { ...variables, [AFTER_VARIABLE]: start };
    },
  };
}

/** Takes the cursor out of an event; undefined when it has none. */
export function takeCursor(data: Record<string, unknown> | null | undefined): unknown {
  for (const payload of Object.values(data ?? {})) {
    if (typeof payload !== 'object' || payload === null) continue;
    const event = payload as { [CURSOR_ALIAS]?: unknown };
    const cursor = event[CURSOR_ALIAS];
    Reflect.deleteProperty(event, CURSOR_ALIAS);
    return cursor ?? undefined;
  }
  return undefined;
}

/** The path of an error as the client knows it. */
export function hideCursor(path: readonly (string | number)[]): (string | number)[] {
  return path.map((step) => (step === CURSOR_ALIAS ? CURSOR : step));
}

function isResumable({ args, type }: GraphQLField<unknown, unknown>): boolean {
  const after = args.find(({ name }) => name === AFTER);
  if (!after || (after.type !== GraphQLString && after.type !== GraphQLID)) return false;
  const event = isNonNullType(type) ? type.ofType : type;
  if (!isObjectType(event) && !isInterfaceType(event)) return false;
  const cursor = event.getFields()[CURSOR];
  if (!cursor || cursor.args.some((argument) => isNonNullType(argument.type))) return false;
  const named = getNamedType(cursor.type);
  const text = isNonNullType(cursor.type) ? cursor.type.ofType : cursor.type;
  return text === named && (named === GraphQLString || named === GraphQLID);
}

function withCursor(node: FieldNode): FieldNode {
  if (!node.selectionSet) return node;
  const after: ArgumentNode = {
    kind: Kind.ARGUMENT,
    name: { kind: Kind.NAME, value: AFTER },
    value: { kind: Kind.VARIABLE, name: { kind: Kind.NAME, value: AFTER_VARIABLE } },
  };
  return {
    ...node,
    arguments: [...(node.arguments ?? []).filter(({ name }) => name.value !== AFTER), after],
    selectionSet: {
      ...node.selectionSet,
      selections: [...node.selectionSet.selections, CURSOR_FIELD],
    },
  };
}

function declareAfter({ args }: GraphQLField<unknown, unknown>): VariableDefinitionNode {
  const type = args.find(({ name }) => name === AFTER)?.type ?? GraphQLString;
  return {
    kind: Kind.VARIABLE_DEFINITION,
    variable: { kind: Kind.VARIABLE, name: { kind: Kind.NAME, value: AFTER_VARIABLE } },
    // One that may be null: isResumable has seen to it.
    type: parseType(String(type)),
  };
}

/**
 * The variable that a place to begin is given by, when it stands nowhere else.
 *
 * @param uses how often each variable stands in the document, its declaration among them.
 */
function findStartVariable(
  given: ValueNode | undefined,
  uses: ReadonlyMap<string, number>,
): string | undefined {
  if (given?.kind !== Kind.VARIABLE) return undefined;
  return uses.get(given.name.value) === 2 ? given.name.value : undefined;
}

function readStart(given: ValueNode | undefined, variables: Readonly<Record<string, unknown>>): unknown {
  if (given?.kind === Kind.VARIABLE) return variables[given.name.value];
  if (given?.kind === Kind.STRING || given?.kind === Kind.INT) return given.value;
  return given?.kind === Kind.NULL ? null : undefined;
}
