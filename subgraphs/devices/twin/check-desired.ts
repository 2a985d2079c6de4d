import type { UserError } from '../generated/schema-types.js';
import type { Profile, ProfileProperty } from '../profiles/profile.js';
import type { JsonObject } from './merge-patch.js';

/**
 * Checks what is to be desired against a device's profile. A member that is named as one of its properties must be
 * writable and fit in type and range; any other is a free setting, of which the device alone knows the meaning. Null, which
 * ends a wish, is always right. A device without a profile has free settings only.
 *
 * @param patch a merge patch; its members are the top level of what is desired.
 */
export function checkDesired(patch: JsonObject, profile: Profile | undefined): UserError[] {
  const properties = new Map(profile?.properties.map((property) => [property.name, property]));
  return Object.entries(patch).flatMap(([name, value]) => {
    const property = properties.get(name);
    const problem = property && value !== null ? findProblem(property, value) : undefined;
    return problem === undefined ? [] : [{ code: 'BAD_USER_INPUT', message: problem, path: ['patch', name] }];
  });
}

function findProblem(property: ProfileProperty, value: unknown): string | undefined {
  if (!property.writable) {
    return (
      `Expected properties that can be written, got ${quote(property.name)}, which the device only measures; ` +
      'see the writable properties of its profile.'
    );
  }
  const expected = describe(property);
  return fits(property, value) ? undefined : `Expected ${expected}, got ${quote(value)}.`;
}

function fits({ type, states, minimum, maximum }: ProfileProperty, value: unknown): boolean {
  switch (type) {
    case 'BOOLEAN':
      return typeof value === 'boolean';
    case 'STATE':
      return typeof value === 'string' && states.includes(value);
    case 'NUMBER':
    case 'INTEGER':
      if (typeof value !== 'number' || (type === 'INTEGER' && !Number.isInteger(value))) return false;
      return (minimum === null || value >= minimum) && (maximum === null || value <= maximum);
  }
}

function describe({ type, states, minimum, maximum, unit }: ProfileProperty): string {
  if (type === 'BOOLEAN') return 'true or false';
  if (type === 'STATE') return `one of ${states.join(', ')}`;
  const bounds = [
    ...(minimum === null ? [] : [`at least ${minimum}`]),
    ...(maximum === null ? [] : [`at most ${maximum}`]),
  ].join(' and ');
  const kind = type === 'INTEGER' ? 'a whole number' : 'a number';
  return [kind, ...(unit === '1' ? [] : [`in ${unit}`]), ...(bounds === '' ? [] : [bounds])].join(', ');
}

function quote(value: unknown): string {
  return JSON.stringify(value).slice(0, 80);
}
