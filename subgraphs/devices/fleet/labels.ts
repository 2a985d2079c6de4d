import type { UserError } from '../generated/schema-types.js';

/** What is said of a device, for machines to choose by: values by key. */
export type Labels = Readonly<Record<string, string>>;

/** The most labels of one device. */
export const MAX_LABELS = 64;

/** Source: Kubernetes, Labels and Selectors, «Syntax and character set». */
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
/** Source: RFC 1123, §2.1: a host name, in lower case as Kubernetes wants it. */
const PREFIX = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
const MAX_PREFIX = 253;

/** A label as it was sent. */
export interface LabelInput {
  readonly key: string;
  readonly value: string;
}

/** Whether a label can have this key: `name`, or `prefix/name` with a DNS name before the slash. */
export function isLabelKey(key: string): boolean {
  const slash = key.indexOf('/');
  if (slash === -1) return NAME.test(key);
  const prefix = key.slice(0, slash);
  return prefix.length <= MAX_PREFIX && PREFIX.test(prefix) && NAME.test(key.slice(slash + 1));
}

/** Whether a label can have this value; it may be empty. */
export function isLabelValue(value: string): boolean {
  return value === '' || NAME.test(value);
}

/** Checks labels that are to be set, and tells everything that is wrong with them. */
export function checkLabels(labels: readonly LabelInput[], path: readonly string[]): UserError[] {
  if (labels.length > MAX_LABELS) {
    return [refuse(path, `Expected at most ${MAX_LABELS} labels, got ${labels.length}.`)];
  }
  const seen = new Set<string>();
  return labels.flatMap(({ key, value }, index) => {
    const at = [...path, String(index)];
    const errors = [...checkLabelKey(key, [...at, 'key']), ...checkLabelValue(value, [...at, 'value'])];
    if (seen.has(key))
      errors.push(refuse([...at, 'key'], `Expected each key once, got ${quote(key)} twice.`));
    seen.add(key);
    return errors;
  });
}

/** Tells what is wrong with the key of a label. */
export function checkLabelKey(key: string, path: readonly string[]): UserError[] {
  if (isLabelKey(key)) return [];
  const rule =
    '1 to 63 letters, digits, dashes, dots and underscores that begin and end with a letter or digit, with a DNS name and a slash before them or not';
  return [refuse(path, `Expected a key of ${rule}, got ${quote(key)}.`)];
}

function checkLabelValue(value: string, path: readonly string[]): UserError[] {
  if (isLabelValue(value)) return [];
  const rule =
    'at most 63 letters, digits, dashes, dots and underscores that begin and end with a letter or digit';
  return [refuse(path, `Expected a value of ${rule}, got ${quote(value)}.`)];
}

/** The labels of a list that was checked. */
export function toLabels(labels: readonly LabelInput[]): Labels {
  return Object.fromEntries(labels.map(({ key, value }) => [key, value]));
}

/** Reads the labels of a row. */
export function readLabels(stored: unknown): Labels {
  if (typeof stored !== 'object' || stored === null) return {};
  return Object.fromEntries(
    Object.entries(stored).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

function refuse(path: readonly string[], message: string): UserError {
  return { code: 'BAD_USER_INPUT', message, path: [...path] };
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
