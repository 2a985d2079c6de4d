import { AegisError } from '../../kernel/errors/aegis-error.js';
import { checkPageSize, toConnection } from '../../kernel/graphql/connection.js';
import type { Gateway } from '../gateway.js';
import type { AdminResolvers } from './admin-schema.js';

interface Place {
  readonly coordinate: string;
  readonly uses: number;
}

/** What clients use of the schema. */
export function createUsageResolvers({ usage }: Pick<Gateway, 'usage'>): AdminResolvers {
  return {
    Query: {
      async usage(_parent, { first, after }: { first: number; after?: string | null }) {
        const size = checkPageSize(first);
        const behind = after === undefined || after === null ? undefined : readCursor(after);
        const places = [...(await usage.totals())]
          .map(([coordinate, uses]): Place => ({ coordinate, uses }))
          .sort(compare)
          .filter((place) => !behind || compare(place, behind) > 0);
        const page = { first: size, after: behind !== undefined, cursorOf: toCursor };
        return { ...toConnection(places.slice(0, size + 1), page), since: usage.since };
      },
    },
  };
}

function compare(one: Place, other: Place): number {
  return (
    other.uses - one.uses ||
    (one.coordinate < other.coordinate ? -1 : Number(one.coordinate !== other.coordinate))
  );
}

function toCursor({ coordinate, uses }: Place): string {
  return Buffer.from(`${uses} ${coordinate}`).toString('base64url');
}

/** Errors: BAD_USER_INPUT. */
function readCursor(cursor: string): Place {
  const groups = /^(?<uses>\d+) (?<coordinate>.+)$/.exec(Buffer.from(cursor, 'base64url').toString())?.groups;
  if (groups) return { coordinate: groups['coordinate'] ?? '', uses: Number(groups['uses']) };
  throw new AegisError(
    'BAD_USER_INPUT',
    'after: expected a cursor that a page of usage had, got another text.',
  );
}
