import jsep from 'jsep';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { isMetricName } from '../../metric-name.js';

/** Gives the value of a metric. */
type Lookup = (metric: string) => number;

/** A part of a formula, ready to be computed: each part is one of the two types, which is known before it runs. */
type Part =
  | { readonly type: 'number'; readonly compute: (lookup: Lookup) => number }
  | { readonly type: 'boolean'; readonly compute: (lookup: Lookup) => boolean };

type NumberPart = Extract<Part, { readonly type: 'number' }>;
type BooleanPart = Extract<Part, { readonly type: 'boolean' }>;

/** A checked expression. */
export interface Formula {
  /** Each once, in the order of their first appearance. */
  readonly metrics: readonly string[];
  readonly evaluate: (lookup: Lookup) => boolean;
}

/** Long enough for people, and short enough that computing takes microseconds: each character is one step at most. */
const MAX_LENGTH = 1_000;
const MAX_METRICS = 16;

const FUNCTIONS: ReadonlyMap<
  string,
  { readonly arity: number; readonly run: (...given: number[]) => number }
> = new Map([
  ['abs', { arity: 1, run: Math.abs }],
  ['sqrt', { arity: 1, run: Math.sqrt }],
  ['exp', { arity: 1, run: Math.exp }],
  ['log', { arity: 1, run: Math.log }],
  ['round', { arity: 1, run: Math.round }],
  ['floor', { arity: 1, run: Math.floor }],
  ['ceil', { arity: 1, run: Math.ceil }],
  ['pow', { arity: 2, run: Math.pow }],
  ['min', { arity: 2, run: Math.min }],
  ['max', { arity: 2, run: Math.max }],
]);

const ARITHMETIC: ReadonlyMap<string, (left: number, right: number) => number> = new Map([
  ['+', (left: number, right: number) => left + right],
  ['-', (left: number, right: number) => left - right],
  ['*', (left: number, right: number) => left * right],
  ['/', (left: number, right: number) => left / right],
  ['%', (left: number, right: number) => left % right],
]);

const COMPARISON: ReadonlyMap<string, (left: number, right: number) => boolean> = new Map([
  ['>', (left: number, right: number) => left > right],
  ['>=', (left: number, right: number) => left >= right],
  ['<', (left: number, right: number) => left < right],
  ['<=', (left: number, right: number) => left <= right],
  ['==', (left: number, right: number) => left === right],
  ['!=', (left: number, right: number) => left !== right],
]);

/**
 * Reads an expression over metrics, such as `temperature > 30 && abs(cpu.user - cpu.system) < 5`.
 *
 * It knows numbers, `true` and `false`, metrics by name (`metric("battery-level")` for names with a dash), `+ - * / %`,
 * `> >= < <= == !=`, `&& || !`, `? :` and a few functions; no loops, texts, fields or calls of anything else. So it ends
 * after at most one step for each of its characters, and reaches nothing but the values that it is given.
 *
 * Errors: BAD_USER_INPUT, with what was expected and what came.
 */
export function parseFormula(text: string): Formula {
  if (text.length > MAX_LENGTH) refuse(`at most ${MAX_LENGTH} characters`, `${text.length}`);
  const metrics = new Set<string>();
  const part = compile(parse(text), metrics);
  if (part.type !== 'boolean') refuse('a condition, such as one with `>`', 'a number');
  if (metrics.size < 1 || metrics.size > MAX_METRICS) {
    refuse(`1 to ${MAX_METRICS} metrics`, `${metrics.size}`);
  }
  return { metrics: [...metrics], evaluate: part.compute };
}

function parse(text: string): jsep.Expression {
  try {
    return jsep(text);
  } catch (error) {
    return refuse('an expression', error instanceof Error ? `one that cannot be read: ${error.message}` : '');
  }
}

function compile(node: jsep.Expression, metrics: Set<string>): Part {
  const core = node as jsep.CoreExpression;
  switch (core.type) {
    case 'Literal':
      return compileLiteral(core);
    case 'Identifier':
    case 'MemberExpression':
      return metricPart(nameOf(core), metrics);
    case 'UnaryExpression':
      return compileUnary(core, metrics);
    case 'BinaryExpression':
      return compileBinary(core, metrics);
    case 'ConditionalExpression':
      return compileChoice(core, metrics);
    case 'CallExpression':
      return compileCall(core, metrics);
    default:
      return refuse('one expression of numbers and metrics', describe(node));
  }
}

function compileLiteral({ value, raw }: jsep.Literal): Part {
  if (typeof value === 'number') return { type: 'number', compute: () => value };
  if (typeof value === 'boolean') return { type: 'boolean', compute: () => value };
  return refuse('a number, `true` or `false`', raw);
}

/** A name with dots is read as a field of a field. */
function nameOf(node: jsep.Expression): string {
  const core = node as jsep.CoreExpression;
  if (core.type === 'Identifier') return core.name;
  if (core.type !== 'MemberExpression' || core.computed) {
    return refuse('the name of a metric', describe(node));
  }
  return `${nameOf(core.object)}.${nameOf(core.property)}`;
}

function metricPart(name: string, metrics: Set<string>): NumberPart {
  if (!isMetricName(name)) refuse('the name of a metric', JSON.stringify(name.slice(0, 64)));
  metrics.add(name);
  return { type: 'number', compute: (lookup) => lookup(name) };
}

function compileUnary({ operator, argument }: jsep.UnaryExpression, metrics: Set<string>): Part {
  const part = compile(argument, metrics);
  if (operator === '!') {
    const { compute } = asBoolean(part, '!');
    return { type: 'boolean', compute: (lookup) => !compute(lookup) };
  }
  if (operator !== '-' && operator !== '+') return refuse('`-`, `+` or `!`', `\`${operator}\``);
  const { compute } = asNumber(part, operator);
  return operator === '+' ? part : { type: 'number', compute: (lookup) => -compute(lookup) };
}

function compileBinary({ operator, left, right }: jsep.BinaryExpression, metrics: Set<string>): Part {
  const [first, second] = [compile(left, metrics), compile(right, metrics)];
  if (operator === '&&' || operator === '||') {
    const [one, other] = [asBoolean(first, operator).compute, asBoolean(second, operator).compute];
    return operator === '&&'
      ? { type: 'boolean', compute: (lookup) => one(lookup) && other(lookup) }
      : { type: 'boolean', compute: (lookup) => one(lookup) || other(lookup) };
  }
  const arithmetic = ARITHMETIC.get(operator);
  const comparison = COMPARISON.get(operator);
  const [one, other] = [asNumber(first, operator).compute, asNumber(second, operator).compute];
  if (arithmetic) return { type: 'number', compute: (lookup) => arithmetic(one(lookup), other(lookup)) };
  if (comparison) return { type: 'boolean', compute: (lookup) => comparison(one(lookup), other(lookup)) };
  const known = [...ARITHMETIC.keys(), ...COMPARISON.keys(), '&&', '||'].join(' ');
  return refuse(`one of ${known}`, `\`${operator}\``);
}

function compileChoice(
  { test, consequent, alternate }: jsep.ConditionalExpression,
  metrics: Set<string>,
): Part {
  const { compute: choose } = asBoolean(compile(test, metrics), '?');
  const [first, second] = [compile(consequent, metrics), compile(alternate, metrics)];
  if (first.type === 'number' && second.type === 'number') {
    const compute = (lookup: Lookup) => (choose(lookup) ? first.compute(lookup) : second.compute(lookup));
    return { type: 'number', compute };
  }
  const [one, other] = [asBoolean(first, ':').compute, asBoolean(second, ':').compute];
  return { type: 'boolean', compute: (lookup) => (choose(lookup) ? one(lookup) : other(lookup)) };
}

function compileCall({ callee, arguments: given }: jsep.CallExpression, metrics: Set<string>): Part {
  const name = nameOf(callee);
  if (name === 'metric') {
    const [only] = given as jsep.CoreExpression[];
    const isName = given.length === 1 && only?.type === 'Literal' && typeof only.value === 'string';
    return isName
      ? metricPart(String(only.value), metrics)
      : refuse('`metric("name")`', '`metric` of something else');
  }
  const known = FUNCTIONS.get(name);
  if (!known) return refuse(`one of the functions ${[...FUNCTIONS.keys()].join(', ')}`, `\`${name}\``);
  if (given.length !== known.arity) refuse(`${known.arity} values for \`${name}\``, `${given.length}`);
  const parts = given.map((one) => asNumber(compile(one, metrics), name).compute);
  return { type: 'number', compute: (lookup) => known.run(...parts.map((part) => part(lookup))) };
}

function asNumber(part: Part, operator: string): NumberPart {
  return part.type === 'number' ? part : refuse(`numbers for \`${operator}\``, 'a condition');
}

function asBoolean(part: Part, operator: string): BooleanPart {
  return part.type === 'boolean' ? part : refuse(`conditions for \`${operator}\``, 'a number');
}

function describe({ type }: jsep.Expression): string {
  return type === 'Compound' || type === 'SequenceExpression' ? 'several' : `a ${type}`;
}

function refuse(expected: string, came: string): never {
  throw new AegisError('BAD_USER_INPUT', `Expected ${expected}, got ${came}.`);
}
