import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GraphQLError } from 'graphql';
import type { Database } from '../../../kernel/database/database.js';
import { openServerDatabase } from '../../../kernel/database/server-database.js';
import { tellUnavailable } from '../../../kernel/database/tell-unavailable.js';
import { isTransientFailure } from '../../../kernel/database/transient-failure.js';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { toWireError } from '../../../kernel/errors/wire-error.js';
import { DEFAULT_WORKSPACE } from '../../../kernel/identity/principal.js';
import { describeWith } from '../../support/describe-with.js';
import { MIGRATIONS_FOLDER } from '../../support/embedded-database.js';
import { startPostgresServer, type PostgresServer } from '../../support/postgres-server.js';

const withCode = (code: string, more: object = {}) => Object.assign(new Error('x'), { code, ...more });

describe('a failure of the database', () => {
  it.each<[string, unknown]>([
    ['a refused connection', withCode('ECONNREFUSED')],
    ['a lost connection', new Error('Connection terminated unexpectedly')],
    ['a full pool', new Error('timeout exceeded when trying to connect')],
    ['a server that stops (57P01)', withCode('57P01')],
    ['a deadlock (40P01)', withCode('40P01')],
    ['a transaction that could not begin', withCode('P2028')],
    [
      'raw SQL over a lost connection',
      withCode('P2010', { meta: { driverAdapterError: { cause: { kind: 'ConnectionClosed' } } } }),
    ],
  ])('is transient: %s', (_what, error) => {
    expect(isTransientFailure(error)).toBe(true);
  });

  it.each<[string, unknown]>([
    ['a unique index', withCode('P2002')],
    ['wrong SQL', withCode('P2010', { meta: { code: '42601' } })],
    ['a statement that took too long', withCode('57014')],
    ['a mistake of ours', new TypeError('x is not a function')],
    ['nothing', undefined],
  ])('is not transient: %s', (_what, error) => {
    expect(isTransientFailure(error)).toBe(false);
  });

  it('leaves errors that were raised on purpose as they are', async () => {
    const refusal = new AegisError('CONFLICT', 'no', { cause: withCode('ECONNRESET') });
    await expect(tellUnavailable(Promise.reject(refusal))).rejects.toBe(refusal);
    expect(await tellUnavailable(Promise.resolve(1))).toBe(1);
  });
});

describeWith({ programs: ['postgres'] }, 'a Postgres server that has gone', () => {
  let server: PostgresServer | undefined;
  let database: Database | undefined;

  beforeAll(async () => {
    server = await startPostgresServer();
    database = await openServerDatabase({
      url: server.url,
      poolSize: 2,
      migrationsFolder: MIGRATIONS_FOLDER,
    });
    await database.ping();
    await server.close();
  }, 90_000);
  afterAll(async () => {
    await database?.close();
    await server?.close();
  });

  const rows = () => {
    if (!database) throw new Error('the database was not opened');
    return database.inWorkspace(DEFAULT_WORKSPACE);
  };

  it.each<[string, () => Promise<unknown>]>([
    ['a query', () => rows().client.event.findMany()],
    ['raw SQL', () => rows().client.$queryRaw`SELECT 1`],
    ['a statement', () => rows().client.$executeRaw`DELETE FROM kernel.events`],
    ['a transaction', () => rows().transaction(({ client }) => client.event.findMany())],
  ])('is told to the client of %s as something to try again', async (_what, ask) => {
    const error: unknown = await ask().catch((reason: unknown) => reason);
    const masked: unknown[] = [];
    const wire = toWireError(new GraphQLError('x', { originalError: error as Error }), {
      traceId: 'trace',
      onMasked: (one) => masked.push(one),
    });
    expect(masked).toEqual([]);
    expect(wire).toMatchObject({
      extensions: { code: 'UNAVAILABLE', retryable: true, retryAfterMs: 1_000, traceId: 'trace' },
    });
  });
});
