import { isUtf8 } from 'node:buffer';
import { decodeCursor, encodeCursor } from '../../../kernel/events/cursor.js';
import { checkPageSize, toConnection } from '../../../kernel/graphql/connection.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type {
  QueryRejectedPayloadsArgs,
  RejectedPayload,
  RejectedPayloadConnection,
  RejectedPayloadFilter,
  RejectedPayloadKind,
  Resolvers,
} from '../generated/schema-types.js';
import type {
  DeadLetterFilter,
  StoredDeadLetter,
  StoredDeadLetters,
} from '../readings/dead-letters/stored-dead-letters.js';

export interface RejectedPayloadResolverDeps {
  readonly storedDeadLetters: StoredDeadLetters;
}

/** Names this list in its cursors. */
const CURSOR_KIND = 'rej';

/** Fields of what was refused. */
export function createRejectedPayloadResolvers({ storedDeadLetters }: RejectedPayloadResolverDeps) {
  return {
    Query: {
      rejectedPayloads: (_parent, args, { principal }) =>
        listRejected(storedDeadLetters, principal.workspace, args),
    },
  } satisfies Resolvers;
}

async function listRejected(
  letters: StoredDeadLetters,
  workspace: WorkspaceId,
  { first: wanted, after, filter }: QueryRejectedPayloadsArgs,
): Promise<RejectedPayloadConnection> {
  const first = checkPageSize(wanted ?? 20);
  const rows = await letters.list(workspace, {
    filter: toFilter(filter ?? {}),
    before: after == null ? undefined : decodeCursor(CURSOR_KIND, after),
    limit: first + 1,
  });
  const { edges, pageInfo } = toConnection(rows, {
    first,
    after: after != null,
    cursorOf: ({ sequence }) => encodeCursor(CURSOR_KIND, sequence),
  });
  return { edges: edges.map(({ cursor, node }) => ({ cursor, node: toPayload(node) })), pageInfo };
}

function toFilter({ device, kind, code, protocol, range }: RejectedPayloadFilter): DeadLetterFilter {
  return {
    device: device ?? undefined,
    kind: kind ?? undefined,
    code: code ?? undefined,
    protocol: protocol ?? undefined,
    from: range?.from,
    to: range?.to ?? undefined,
  };
}

function toPayload({ payload, payloadBytes, ...letter }: StoredDeadLetter): RejectedPayload {
  const bytes = Buffer.from(payload);
  const { rejectedAt, code, reason, protocol, device } = letter;
  return {
    ...{ rejectedAt, code, reason, protocol, device, payloadBytes },
    // The table holds what was recorded, and nothing else.
    kind: letter.kind as RejectedPayloadKind,
    payload: readText(bytes),
    payloadBase64: bytes.toString('base64'),
    truncated: payloadBytes > bytes.byteLength,
  };
}

/** A text that was cut off within a character is told up to there. */
function readText(bytes: Buffer): string | null {
  for (let cut = 0; cut < 4 && cut <= bytes.byteLength; cut += 1) {
    const whole = bytes.subarray(0, bytes.byteLength - cut);
    if (isUtf8(whole)) return whole.toString('utf8');
  }
  return null;
}
