import {
  BreakingChangeType,
  DangerousChangeType,
  findBreakingChanges,
  findDangerousChanges,
  type GraphQLSchema,
} from 'graphql';

/** Something that clients may notice of another supergraph. */
export interface SchemaChange {
  /** graphql-js's name of its kind, such as `FIELD_REMOVED`. */
  readonly kind: string;
  /** BREAKING makes operations invalid or their results others than expected; DANGEROUS may surprise their clients. */
  readonly severity: 'BREAKING' | 'DANGEROUS';
  readonly description: string;
  /** The place of the schema that changes, such as `Product.name`; undefined when it is no one place. */
  readonly coordinate: string | undefined;
  /** In how many executions that place was named. */
  readonly uses: number;
}

/** What a description says, and the coordinate that it speaks of. */
type Place = readonly [pattern: RegExp, coordinate: string];

const FIELD: Place = [/^(?<place>\w+\.\w+) /, '$<place>'];
const ARGUMENT: Place = [/^(?<field>\w+\.\w+) arg (?<argument>\w+) .*$/s, '$<field>($<argument>:)'];
const NEW_ARGUMENT: Place = [/^An? \w+ arg \w+ on (?<field>\w+\.\w+) .*$/s, '$<field>'];
const TYPE: Place = [/^(?<place>\w+) /, '$<place>'];
const MEMBER: Place = [/^\w+ was (?:removed from|added to) (?:enum|union) type (?<type>\w+)\.$/, '$<type>'];
const INPUT: Place = [/^An? \w+ field \w+ on input type (?<type>\w+) .*$/s, '$<type>'];
const INTERFACE: Place = [/^(?<place>\w+) no longer implements .*$/s, '$<place>'];
const NEW_INTERFACE: Place = [/^\w+ added to interfaces implemented by (?<type>\w+)\.$/, '$<type>'];

/** No change of its own: what referred to the scalar has changed, and is in the list. */
const UNREFERENCED = 'Standard scalar ';

/** The wording of graphql-js 16: its changes say what they concern in words alone. */
const PLACES: Readonly<Record<BreakingChangeType | DangerousChangeType, Place | undefined>> = {
  [BreakingChangeType.TYPE_REMOVED]: TYPE,
  [BreakingChangeType.TYPE_CHANGED_KIND]: TYPE,
  [BreakingChangeType.TYPE_REMOVED_FROM_UNION]: MEMBER,
  [BreakingChangeType.VALUE_REMOVED_FROM_ENUM]: MEMBER,
  [BreakingChangeType.REQUIRED_INPUT_FIELD_ADDED]: INPUT,
  [BreakingChangeType.IMPLEMENTED_INTERFACE_REMOVED]: INTERFACE,
  [BreakingChangeType.FIELD_REMOVED]: FIELD,
  [BreakingChangeType.FIELD_CHANGED_KIND]: FIELD,
  [BreakingChangeType.REQUIRED_ARG_ADDED]: NEW_ARGUMENT,
  [BreakingChangeType.ARG_REMOVED]: ARGUMENT,
  [BreakingChangeType.ARG_CHANGED_KIND]: ARGUMENT,
  [BreakingChangeType.DIRECTIVE_REMOVED]: undefined,
  [BreakingChangeType.DIRECTIVE_ARG_REMOVED]: undefined,
  [BreakingChangeType.REQUIRED_DIRECTIVE_ARG_ADDED]: undefined,
  [BreakingChangeType.DIRECTIVE_REPEATABLE_REMOVED]: undefined,
  [BreakingChangeType.DIRECTIVE_LOCATION_REMOVED]: undefined,
  [DangerousChangeType.VALUE_ADDED_TO_ENUM]: MEMBER,
  [DangerousChangeType.TYPE_ADDED_TO_UNION]: MEMBER,
  [DangerousChangeType.OPTIONAL_INPUT_FIELD_ADDED]: INPUT,
  [DangerousChangeType.OPTIONAL_ARG_ADDED]: NEW_ARGUMENT,
  [DangerousChangeType.IMPLEMENTED_INTERFACE_ADDED]: NEW_INTERFACE,
  [DangerousChangeType.ARG_DEFAULT_VALUE_CHANGE]: ARGUMENT,
};

/**
 * What clients may notice when one schema takes the place of another, what is used most first.
 *
 * @param uses by schema coordinate, in how many executions it was named.
 */
export async function reportChanges(
  before: GraphQLSchema,
  after: GraphQLSchema,
  uses: ReadonlyMap<string, number>,
): Promise<readonly SchemaChange[]> {
  const breaking = findBreakingChanges(before, after);
  // Each compares all: others have their turn in between.
  await new Promise(setImmediate);
  const dangerous = findDangerousChanges(before, after);
  const changes = [
    ...breaking.map((change) => ({ ...change, severity: 'BREAKING' as const })),
    ...dangerous.map((change) => ({ ...change, severity: 'DANGEROUS' as const })),
  ];
  return changes
    .filter(({ description }) => !description.startsWith(UNREFERENCED))
    .map(({ type, description, severity }): SchemaChange => {
      const coordinate = findCoordinate(description, PLACES[type]);
      return { kind: type, severity, description, coordinate, uses: uses.get(coordinate ?? '') ?? 0 };
    })
    .sort((one, other) => other.uses - one.uses);
}

function findCoordinate(description: string, place: Place | undefined): string | undefined {
  const found = place && place[0].exec(description);
  if (!found) return undefined;
  return found[0].replace(place[0], place[1]);
}
