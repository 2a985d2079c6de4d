import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { isLabelKey, isLabelValue } from '../labels.js';

/** One condition on the labels of a device. */
export type LabelRequirement =
  | { readonly kind: 'exists' | 'missing'; readonly key: string }
  | { readonly kind: 'in' | 'notIn'; readonly key: string; readonly values: readonly string[] };

/** The most conditions of one selector, and the most values of one condition. */
const MAX_PARTS = 50;

const SET = /^(?<key>\S+)\s+(?<operator>in|notin)\s*\((?<values>[^()]*)\)$/;
const EQUALITY = /^(?<key>[^\s=!]+)\s*(?<operator>==|=|!=)\s*(?<value>[^\s=!]*)$/;
const PRESENCE = /^(?<not>!?)\s*(?<key>[^\s=!]+)$/;

/**
 * Reads a selector as Kubernetes writes it: conditions with commas between them, all of which must hold, each of them
 * `key`, `!key`, `key=value`, `key==value`, `key!=value`, `key in (a, b)` or `key notin (a, b)`. As there, `!=` and `notin`
 * also hold where there is no such label.
 *
 * Errors: BAD_USER_INPUT that names the condition which cannot be read.
 * Source: Kubernetes, Labels and Selectors, «Label selectors».
 */
export function parseLabelSelector(text: string): LabelRequirement[] {
  if (text.trim() === '') return [];
  // A comma inside of parentheses parts values, any other one conditions.
  const parts = text.split(/,(?![^(]*\))/).map((part) => part.trim());
  if (parts.length > MAX_PARTS) {
    throw new AegisError(
      'BAD_USER_INPUT',
      `labels: expected at most ${MAX_PARTS} conditions, got ${parts.length}.`,
    );
  }
  return parts.map(parseRequirement);
}

function parseRequirement(text: string): LabelRequirement {
  const requirement = parseSet(text) ?? parseEquality(text) ?? parsePresence(text);
  const values = requirement && 'values' in requirement ? requirement.values : [];
  if (requirement && isLabelKey(requirement.key) && values.every(isLabelValue) && values.length <= MAX_PARTS)
    return requirement;
  throw new AegisError(
    'BAD_USER_INPUT',
    'labels: expected conditions such as `site=berlin, tier in (gold, silver), !retired`, ' +
      `got ${JSON.stringify(text.slice(0, 80))}.`,
  );
}

function parseSet(text: string): LabelRequirement | undefined {
  const { key, operator, values } = SET.exec(text)?.groups ?? {};
  if (key === undefined || values === undefined) return undefined;
  const list = values.split(',').map((value) => value.trim());
  return { kind: operator === 'in' ? 'in' : 'notIn', key, values: list };
}

function parseEquality(text: string): LabelRequirement | undefined {
  const { key, operator, value } = EQUALITY.exec(text)?.groups ?? {};
  if (key === undefined || value === undefined) return undefined;
  return { kind: operator === '!=' ? 'notIn' : 'in', key, values: [value] };
}

function parsePresence(text: string): LabelRequirement | undefined {
  const { not, key } = PRESENCE.exec(text)?.groups ?? {};
  if (key === undefined) return undefined;
  return { kind: not === '!' ? 'missing' : 'exists', key };
}
