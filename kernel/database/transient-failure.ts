/**
 * Prisma's codes for a database that could not be reached, was too slow, broke off, or chose this transaction as the
 * victim of a deadlock.
 *
 * Source: Prisma error reference.
 */
const PRISMA_CODES = ['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028', 'P2034', 'P2037'];

/** The same for raw SQL, which Prisma reports under one code, with the kind that its Postgres adapter found. */
const ADAPTER_KINDS = [
  'DatabaseNotReachable',
  'ConnectionClosed',
  'SocketTimeout',
  'TooManyConnections',
  'TransactionWriteConflict',
];

const SYSTEM_CODES = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'];

const TRANSIENT = new Set([...PRISMA_CODES, ...ADAPTER_KINDS, ...SYSTEM_CODES]);

/** SQLSTATE classes: connection exception, transaction rollback, insufficient resources, operator intervention. */
const SQL_STATES = /^(?:08|40|53|57P)[0-9A-Z]{2,3}$/;

/** What the driver throws without any code. */
const DRIVER_MESSAGES =
  /^Connection terminated|^timeout exceeded when trying to connect|connection error and is not queryable/;

/** How deep drivers nest the reason in the error that comes out. */
const MAX_DEPTH = 6;

/** Whether the same statement may succeed when it is tried again: the connection failed, not the statement. */
export function isTransientFailure(error: unknown, depth = 0): boolean {
  if (typeof error !== 'object' || error === null || depth > MAX_DEPTH) return false;
  const { code, originalCode, kind, message, cause, meta, driverAdapterError } = error as Record<
    string,
    unknown
  >;
  if ([code, originalCode, kind].some(isTransientCode)) return true;
  if (typeof message === 'string' && DRIVER_MESSAGES.test(message)) return true;
  return [cause, meta, driverAdapterError].some((inner) => isTransientFailure(inner, depth + 1));
}

function isTransientCode(code: unknown): boolean {
  return typeof code === 'string' && (TRANSIENT.has(code) || SQL_STATES.test(code));
}
