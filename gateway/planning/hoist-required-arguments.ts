import { createHash } from 'node:crypto';
import {
  Kind,
  parse,
  visit,
  type ArgumentNode,
  type DefinitionNode,
  type DirectiveNode,
  type DocumentNode,
  type FieldDefinitionNode,
  type FieldNode,
  type InterfaceTypeDefinitionNode,
  type ObjectTypeDefinitionNode,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
  type TypeNode,
} from 'graphql';
import { printArguments } from './field-keys.js';

/** A field that stands for another one with certain arguments. */
export interface SyntheticField {
  readonly name: string;
  readonly base: string;
  readonly arguments: readonly ArgumentNode[];
}

/** What a field needs in the representations of its object: by path, the fields that are sent under the path's names. */
export type FieldRequirements = ReadonlyMap<string, string>;

/** A supergraph in which required fields have no arguments. */
export interface HoistedSupergraph {
  readonly document: DocumentNode;
  /** By name. */
  readonly synthetics: ReadonlyMap<string, SyntheticField>;
  /** What a field of a subgraph requires; undefined when nothing. */
  requirementsOf(subgraph: string, type: string, field: string): FieldRequirements | undefined;
}

type CompositeDefinition = ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode;

/**
 * Gives each field that some `@requires` asks for with arguments a field of its own without any, which the subgraphs
 * that have the first one seem to have as well.
 *
 * The planner tells required fields apart by name alone: it would take the client's value for the required one, and the
 * one that one field requires for that of another. See restore-required-arguments.ts for the way back.
 *
 * @returns undefined when nothing is required with arguments.
 */
export function hoistRequiredArguments(supergraph: DocumentNode): HoistedSupergraph | undefined {
  const types = new Map<string, CompositeDefinition>();
  for (const node of supergraph.definitions) if (isComposite(node)) types.set(node.name.value, node);
  const hoist = createHoist(types);
  const rewritten = visit(supergraph, {
    [Kind.OBJECT_TYPE_DEFINITION]: hoist.rewriteType,
    [Kind.INTERFACE_TYPE_DEFINITION]: hoist.rewriteType,
  });
  if (hoist.synthetics.size === 0) return undefined;
  const document = visit(rewritten, {
    [Kind.OBJECT_TYPE_DEFINITION]: hoist.extendType,
    [Kind.INTERFACE_TYPE_DEFINITION]: hoist.extendType,
  });
  const graphs = readGraphNames(supergraph);
  return {
    document,
    synthetics: hoist.synthetics,
    requirementsOf: (subgraph, type, field) =>
      hoist.requirements.get(`${graphs.get(subgraph) ?? ''}:${type}.${field}`),
  };
}

function createHoist(types: ReadonlyMap<string, CompositeDefinition>) {
  const synthetics = new Map<string, SyntheticField>();
  const requirements = new Map<string, FieldRequirements>();
  /** The types that get each synthetic field. */
  const holders = new Map<string, Set<string>>();

  function synthesise(typeName: string, { name: { value: base }, arguments: args = [] }: FieldNode): string {
    const hash = createHash('sha256').update(printArguments(args)).digest('hex').slice(0, 12);
    const name = `${base}__required_${hash}`;
    synthetics.set(name, { name, base, arguments: args });
    const names = holders.get(name) ?? new Set<string>();
    holders.set(name, names.add(typeName));
    for (const { name: implementing, interfaces = [] } of types.values()) {
      if (interfaces.some((one) => one.name.value === typeName)) names.add(implementing.value);
    }
    return name;
  }

  function rewriteSelections(
    set: SelectionSetNode,
    typeName: string,
    at: { readonly path: string; readonly needs: Map<string, string> },
  ): SelectionSetNode {
    const selections = set.selections.map((selection): SelectionNode => {
      if (selection.kind === Kind.FRAGMENT_SPREAD) return selection;
      if (selection.kind === Kind.INLINE_FRAGMENT) {
        const condition = selection.typeCondition?.name.value ?? typeName;
        return { ...selection, selectionSet: rewriteSelections(selection.selectionSet, condition, at) };
      }
      const hasArguments = selection.arguments && selection.arguments.length > 0;
      const name = hasArguments ? synthesise(typeName, selection) : selection.name.value;
      const path = `${at.path}.${selection.name.value}`;
      at.needs.set(path, name);
      const field = { ...selection, name: { ...selection.name, value: name }, arguments: [] };
      const { selectionSet } = selection;
      const type = fieldsOf(types.get(typeName)).find((one) => one.name.value === selection.name.value)?.type;
      if (!selectionSet || !type) return field;
      const inner = rewriteSelections(selectionSet, nameOf(type), { path, needs: at.needs });
      return { ...field, selectionSet: inner };
    });
    return { ...set, selections };
  }

  function rewriteRequires(directive: DirectiveNode, typeName: string, fieldName: string): DirectiveNode {
    const requires = textOf(directive, 'requires');
    if (directive.name.value !== 'join__field' || requires === undefined) return directive;
    const needs = new Map<string, string>();
    const rewritten = rewriteSelections(parseFieldSet(requires), typeName, { path: '', needs });
    requirements.set(`${textOf(directive, 'graph') ?? ''}:${typeName}.${fieldName}`, needs);
    const value = { kind: Kind.STRING, value: printFieldSet(rewritten) } as const;
    const args = directive.arguments?.map((one) => (one.name.value === 'requires' ? { ...one, value } : one));
    return { ...directive, ...(args && { arguments: args }) };
  }

  function rewriteType<Definition extends CompositeDefinition>(type: Definition): Definition {
    const fields = fieldsOf(type).map((field) => {
      const directives = field.directives?.map((one) =>
        rewriteRequires(one, type.name.value, field.name.value),
      );
      return { ...field, ...(directives && { directives }) };
    });
    return { ...type, fields };
  }

  function extendType<Definition extends CompositeDefinition>(type: Definition): Definition {
    const fields = fieldsOf(type);
    const added = [...synthetics.values()].flatMap(({ name, base }): FieldDefinitionNode[] => {
      const field = fields.find((one) => one.name.value === base);
      if (!field || !holders.get(name)?.has(type.name.value)) return [];
      const directives = field.directives?.filter((one) => KEPT_DIRECTIVES.has(one.name.value)) ?? [];
      return [{ ...field, name: { kind: Kind.NAME, value: name }, arguments: [], directives }];
    });
    return { ...type, fields: [...fields, ...added] };
  }

  return { rewriteType, extendType, synthetics, requirements };
}

/** Which subgraphs have a field, and whether its type may be seen: the same for the field that stands for it. */
const KEPT_DIRECTIVES = new Set(['join__field', 'inaccessible']);

function isComposite(node: DefinitionNode): node is CompositeDefinition {
  return node.kind === Kind.OBJECT_TYPE_DEFINITION || node.kind === Kind.INTERFACE_TYPE_DEFINITION;
}

function fieldsOf(type: CompositeDefinition | undefined): readonly FieldDefinitionNode[] {
  return type?.fields ?? [];
}

function nameOf(type: TypeNode): string {
  return type.kind === Kind.NAMED_TYPE ? type.name.value : nameOf(type.type);
}

function textOf(directive: DirectiveNode, argument: string): string | undefined {
  const value = directive.arguments?.find(({ name }) => name.value === argument)?.value;
  return value?.kind === Kind.STRING || value?.kind === Kind.ENUM ? value.value : undefined;
}

function parseFieldSet(text: string): SelectionSetNode {
  const [operation] = parse(`{${text}}`, { noLocation: true }).definitions;
  return (operation as OperationDefinitionNode).selectionSet;
}

function printFieldSet(set: SelectionSetNode): string {
  return set.selections.map(printSelection).join(' ');
}

function printSelection(selection: SelectionNode): string {
  if (selection.kind === Kind.FRAGMENT_SPREAD) return `...${selection.name.value}`;
  const inner = selection.selectionSet ? ` { ${printFieldSet(selection.selectionSet)} }` : '';
  if (selection.kind === Kind.FIELD) return selection.name.value + inner;
  return `...${selection.typeCondition ? ` on ${selection.typeCondition.name.value}` : ''}${inner}`;
}

/** The names that the supergraph's directives have for subgraphs. */
function readGraphNames(supergraph: DocumentNode): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  visit(supergraph, {
    [Kind.ENUM_VALUE_DEFINITION]: ({ name, directives = [] }) => {
      const graph = directives.find((directive) => directive.name.value === 'join__graph');
      const subgraph = graph && textOf(graph, 'name');
      if (subgraph !== undefined) names.set(subgraph, name.value);
    },
  });
  return names;
}
