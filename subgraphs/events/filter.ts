import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { EventCondition } from '../../kernel/events/event-log.js';
import type { EventFilter } from './generated/schema-types.js';

const TYPE = /^[A-Za-z][A-Za-z0-9_.]{0,126}\*?$/;
const MAX_TYPES = 50;
const MAX_SUBJECTS = 100;

/** Checks which facts are asked for. Errors: BAD_USER_INPUT. */
export function checkEventFilter({ types, subjects, from, to }: EventFilter): EventCondition {
  checkSize('types', types, MAX_TYPES);
  checkSize('subjects', subjects, MAX_SUBJECTS);
  const wrong = types?.find((type) => !TYPE.test(type));
  if (wrong !== undefined) {
    throw new AegisError(
      'BAD_USER_INPUT',
      `filter.types: expected types such as aegis.alarm.raised or aegis.alarm.*, got ${JSON.stringify(wrong.slice(0, 64))}.`,
    );
  }
  if (from && to && from >= to) {
    throw new AegisError(
      'BAD_USER_INPUT',
      `filter: expected \`from\` before \`to\`, got ${from.toISOString()} and ${to.toISOString()}.`,
    );
  }
  return {
    types: types ?? undefined,
    subjects: subjects?.filter((subject) => !subject.includes('\u0000')),
    from: from ?? undefined,
    to: to ?? undefined,
  };
}

function checkSize(name: string, values: readonly string[] | null | undefined, most: number): void {
  if (!values || (values.length >= 1 && values.length <= most)) return;
  throw new AegisError(
    'BAD_USER_INPUT',
    `filter.${name}: expected 1 to ${most}, got ${values.length}; leave it out for all.`,
  );
}
