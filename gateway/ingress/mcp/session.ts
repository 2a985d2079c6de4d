import { randomUUID } from 'node:crypto';
import type { ClientIdentity } from '../client-identity.js';

const MAX_NAME_CHARACTERS = 64;

/**
 * Makes the id of a session, which the server does not keep: what it has to know later, the id itself tells. Agents of the
 * protocol's versions of 2025 say only once what they are called, and cancel calls by requests of their own; both are found
 * again by it. It says nothing of who asks: every request is authenticated.
 *
 * Source: Model Context Protocol, 2025-11-25, Transports, Session Management: visible ASCII, sent with each later request.
 */
export function issueSession({ name, version }: ClientIdentity): string {
  const told = Buffer.from(JSON.stringify([name ?? null, version ?? null])).toString('base64url');
  return `${randomUUID()}.${told}`;
}

/** What the agent's program called itself when a session began; nothing where that cannot be read. */
export function readSessionClient(session: string | undefined): ClientIdentity {
  const [, told = ''] = session?.split('.') ?? [];
  try {
    const read: unknown = JSON.parse(Buffer.from(told, 'base64url').toString('utf8'));
    const [name, version] = Array.isArray(read) ? (read as readonly unknown[]) : [];
    return readClientInfo({ name, version });
  } catch {
    return readClientInfo(undefined);
  }
}

/** What an agent's program calls itself, from the `clientInfo` that it sends. */
export function readClientInfo(info: unknown): ClientIdentity {
  const { name, version } = (typeof info === 'object' && info !== null ? info : {}) as Record<
    string,
    unknown
  >;
  return { name: readText(name), version: readText(version) };
}

function readText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, MAX_NAME_CHARACTERS) : undefined;
}
