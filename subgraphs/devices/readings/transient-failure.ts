/**
 * Prisma's codes for a database that could not be reached, was too slow, or broke off: P1001, P1002, P1008, P1017, P2024,
 * P2028, P2034 (deadlock), P2037 (too many connections).
 *
 * Source: Prisma error reference.
 */
const PRISMA_CODES = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028', 'P2034', 'P2037']);

/** SQLSTATE classes: connection exception, transaction rollback, insufficient resources, operator intervention. */
const SQL_STATES = /^(?:08|40|53|57P)[0-9A-Z]{2,3}$/;

const SYSTEM_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN']);

/** How deep drivers nest the reason in the error that comes out. */
const MAX_DEPTH = 6;

/** Whether the same statement may succeed when it is tried again: the connection failed, not the statement. */
export function isTransientFailure(error: unknown, depth = 0): boolean {
  if (typeof error !== 'object' || error === null || depth > MAX_DEPTH) return false;
  const { code, originalCode, cause, meta, driverAdapterError } = error as Record<string, unknown>;
  if ([code, originalCode].some(isTransientCode)) return true;
  return [cause, meta, driverAdapterError].some((inner) => isTransientFailure(inner, depth + 1));
}

function isTransientCode(code: unknown): boolean {
  if (typeof code !== 'string') return false;
  return PRISMA_CODES.has(code) || SYSTEM_CODES.has(code) || SQL_STATES.test(code);
}
