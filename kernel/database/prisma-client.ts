import { PrismaPg } from '@prisma/adapter-pg';
import type pg from 'pg';
import { PrismaClient } from './generated/client.js';

/** Told of every SQL statement as it is sent: for tests that count them. */
export type OnStatement = (sql: string) => void;

/** The name under which Postgres keeps a statement that it has parsed; with the empty name it is parsed at each use. */
export type NameStatement = (sql: string) => string;

export interface PrismaClientOptions {
  readonly onStatement?: OnStatement | undefined;
  /** None is kept by default: a pooler in front of a server may hand out another session for each transaction. */
  readonly nameStatement?: NameStatement;
}

/** The generated Prisma client over a pool of connections, which stays the caller's to end. */
export function createPrismaClient(
  pool: pg.Pool,
  { onStatement, nameStatement = () => '' }: PrismaClientOptions,
): PrismaClient {
  // A connection that breaks while idle must not stop the process: the pool opens another when it is needed.
  pool.on('error', () => undefined);
  const adapter = new PrismaPg(pool, { statementNameGenerator: ({ sql }) => nameStatement(sql) });
  if (!onStatement) return new PrismaClient({ adapter });
  const client = new PrismaClient({ adapter, log: [{ emit: 'event', level: 'query' }] });
  client.$on('query', (event) => {
    onStatement(event.query);
  });
  return client;
}
