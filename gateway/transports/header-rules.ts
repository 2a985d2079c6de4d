import { z } from 'zod';

/** Which headers of clients go to subgraphs, and which others do. */
export interface HeaderRules {
  /**
   * Of what a client presented, the headers that some rule may forward, by lower-case name; undefined when there are none.
   *
   * @param headers of its request, or of the one that opened its WebSocket.
   * @param parameters the payload that opened its WebSocket.
   */
  readonly pick: PickHeaders;
  /** The headers that a subgraph gets, by lower-case name. */
  headersFor(subgraph: string, picked: PickedHeaders | undefined): Record<string, string>;
  /** Whether a subgraph may get a header from these rules, by lower-case name, whoever asks with whatever. */
  mayGive(subgraph: string, header: string): boolean;
}

export type PickHeaders = (
  headers: Readonly<Record<string, unknown>>,
  parameters?: Readonly<Record<string, unknown>>,
) => PickedHeaders | undefined;

export type PickedHeaders = Readonly<Record<string, string>>;

export interface HeaderRulesOptions {
  /** Looks up a variable of the environment. */
  readonly variable: (name: string) => string | undefined;
  /** Lower-case names that the gateway writes itself, beside those that no rule may ever write. */
  readonly reserved?: readonly string[];
}

/** What is wrong with some rules, one line each, naming the entry. */
export class HeaderRulesInvalid extends Error {
  override readonly name = 'HeaderRulesInvalid';
  readonly mistakes: readonly string[];

  constructor(mistakes: readonly string[]) {
    super(mistakes.join('\n'));
    this.mistakes = mistakes;
  }
}

/**
 * Headers that belong to one connection, or say how a message is framed: forwarded, they would change what the request is.
 * `traceparent` names the step before, which is the gateway. Source: RFC 9110, §7.6.1, §8; RFC 9112, §6; RFC 6455, §11.3.
 */
const NEVER = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade', 'http2-settings', 'host', 'expect'],
  ...['content-length', 'content-type', 'content-encoding', 'accept', 'accept-encoding', 'traceparent'],
]);

/** Source: RFC 9110, §5.6.2, token. */
const NAME = /^[!#$%&'*+.^_`|~\w-]+$/;
/** Source: RFC 9110, §5.5, field-value, in the characters that Node writes. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

const name = z.string().regex(NAME, 'expected the name of a header').toLowerCase();
const value = z.string().regex(VALUE, 'expected a value that a header may have');
const matching = z.strictObject({
  matching: z.string().transform((text, context) => {
    try {
      return new RegExp(text, 'i');
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
      return z.NEVER;
    }
  }),
});

const forward = z.strictObject({
  forward: name,
  as: name.optional(),
  default: value.optional(),
  connectionParams: z.boolean().default(false),
});
const forwardMatching = z.strictObject({ forward: matching, connectionParams: z.boolean().default(false) });
const insert = z.strictObject({ insert: name, value });
const insertVariable = z.strictObject({ insert: name, fromEnv: z.string().min(1) });
const remove = z.strictObject({ remove: z.union([name, matching]) });

const rule = z.union([forward, forwardMatching, insert, insertVariable, remove], {
  error: () =>
    'expected { forward: name, as?, default?, connectionParams? }, { forward: { matching: pattern }, connectionParams? }, { insert: name, value }, { insert: name, fromEnv } or { remove: name or { matching: pattern } }',
});
const ruleSet = z.strictObject({
  all: z.array(rule).default([]),
  subgraphs: z.record(z.string(), z.array(rule)).default({}),
});

type Rule = z.infer<typeof rule>;
/** Changes the headers of one request to a subgraph. */
type Step = (outgoing: Map<string, string>, picked: PickedHeaders) => void;

/**
 * Reads rules: those for `all` subgraphs come first, then those for each, in their order.
 *
 * @param given such as `{ all: [{ forward: 'accept-language' }], subgraphs: { shop: [{ insert: 'x-key', fromEnv: 'KEY' }] } }`.
 * Errors: {@link HeaderRulesInvalid}.
 */
export function createHeaderRules(given: unknown, options: HeaderRulesOptions): HeaderRules {
  const { all, subgraphs } = readRuleSet(given);
  const mistakes = [
    ...all.flatMap((one, index) => findMistakes(one, `all[${index}]`, options)),
    ...Object.entries(subgraphs).flatMap(([subgraph, rules]) =>
      rules.flatMap((one, index) => findMistakes(one, `subgraphs.${subgraph}[${index}]`, options)),
    ),
  ];
  if (mistakes.length > 0) throw new HeaderRulesInvalid(mistakes);
  const toStep = (one: Rule) => compile(one, options);
  const common = all.map(toStep);
  const own = new Map(Object.entries(subgraphs).map(([subgraph, rules]) => [subgraph, rules.map(toStep)]));
  return {
    pick: createPick([...all, ...Object.values(subgraphs).flat()], options),
    headersFor(subgraph, picked = {}) {
      const outgoing = new Map<string, string>();
      for (const step of common) step(outgoing, picked);
      for (const step of own.get(subgraph) ?? []) step(outgoing, picked);
      return Object.fromEntries(outgoing);
    },
    mayGive: (subgraph, header) =>
      !isReserved(header, options) &&
      [all, new Map(Object.entries(subgraphs)).get(subgraph) ?? []].flat().some((one) => gives(one, header)),
  };
}

/** Whether a rule may write a header. Another one may take it out again: that does not count. */
function gives(one: Rule, header: string): boolean {
  if ('remove' in one) return false;
  if ('insert' in one) return one.insert === header;
  if (typeof one.forward !== 'string') return meets(one.forward, header);
  const { forward: source, as: target = source } = one as z.infer<typeof forward>;
  return target === header;
}

function readRuleSet(given: unknown): z.infer<typeof ruleSet> {
  const parsed = ruleSet.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new HeaderRulesInvalid(
    parsed.error.issues.map(({ path, message }) => `${formatPath(path) || 'the rules'}: ${message}.`),
  );
}

function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index > 0 ? '.' : ''}${String(step)}`))
    .join('');
}

function isReserved(header: string, { reserved = [] }: HeaderRulesOptions): boolean {
  return NEVER.has(header) || header.startsWith('sec-') || reserved.includes(header);
}

/** What a rule asks for that cannot be. The values of variables are in no message. */
function findMistakes(one: Rule, place: string, options: HeaderRulesOptions): string[] {
  if ('remove' in one) return [];
  const target = 'insert' in one ? one.insert : 'as' in one ? (one.as ?? one.forward) : one.forward;
  const names = [target, 'forward' in one ? one.forward : target].filter((text) => typeof text === 'string');
  const found = [...new Set(names)]
    .filter((text) => isReserved(text, options))
    .map((text) => `${place}: the header ${text} is the gateway's own and cannot be written or forwarded.`);
  if (!('fromEnv' in one)) return found;
  const text = options.variable(one.fromEnv);
  if (text === undefined || text === '')
    return [
      ...found,
      `${place}: expected the variable ${one.fromEnv} in the environment, but it is not there.`,
    ];
  if (!VALUE.test(text))
    return [...found, `${place}: the variable ${one.fromEnv} holds characters that no header may have.`];
  return found;
}

function compile(one: Rule, options: HeaderRulesOptions): Step {
  if ('remove' in one) return compileRemove(one.remove);
  if ('value' in one) return (outgoing) => outgoing.set(one.insert, one.value);
  if ('fromEnv' in one) {
    const text = options.variable(one.fromEnv) ?? '';
    return (outgoing) => outgoing.set(one.insert, text);
  }
  const { forward: source } = one;
  if (typeof source !== 'string') {
    return (outgoing, picked) => {
      for (const [header, text] of Object.entries(picked))
        if (source.matching.test(header)) outgoing.set(header, text);
    };
  }
  const { as: target = source, default: otherwise } = one as z.infer<typeof forward>;
  return (outgoing, picked) => {
    const text = picked[source] ?? otherwise;
    if (text !== undefined) outgoing.set(target, text);
  };
}

function compileRemove(removed: z.infer<typeof remove>['remove']): Step {
  if (typeof removed === 'string') return (outgoing) => outgoing.delete(removed);
  return (outgoing) => {
    for (const header of [...outgoing.keys()]) if (removed.matching.test(header)) outgoing.delete(header);
  };
}

type Forward = Extract<Rule, { forward: unknown }>;

function createPick(rules: readonly Rule[], options: HeaderRulesOptions): PickHeaders {
  const forwards = rules.filter((one): one is Forward => 'forward' in one);
  const ofParameters = forwards.filter(({ connectionParams }) => connectionParams);
  if (forwards.length === 0) return () => undefined;

  /** What comes first stays: headers cannot be replaced by a socket's parameters. */
  function take(
    presented: Readonly<Record<string, unknown>>,
    allowed: readonly Forward[],
    into: Map<string, string>,
  ): void {
    const own = namesOfConnection(presented['connection']);
    for (const [key, text] of Object.entries(presented)) {
      const header = key.toLowerCase();
      if (typeof text !== 'string' || into.has(header) || own.has(header)) continue;
      if (isReserved(header, options) || !NAME.test(header) || !VALUE.test(text)) continue;
      if (allowed.some(({ forward: source }) => meets(source, header))) into.set(header, text);
    }
  }

  return (headers, parameters) => {
    const picked = new Map<string, string>();
    take(headers, forwards, picked);
    if (parameters) take(parameters, ofParameters, picked);
    return picked.size === 0 ? undefined : Object.fromEntries(picked);
  };
}

function meets(source: Forward['forward'], header: string): boolean {
  return typeof source === 'string' ? source === header : source.matching.test(header);
}

/** The headers that a `Connection` header declares to be of that connection alone. Source: RFC 9110, §7.6.1. */
function namesOfConnection(value: unknown): ReadonlySet<string> {
  if (typeof value !== 'string') return new Set();
  return new Set(value.split(',').map((part) => part.trim().toLowerCase()));
}
