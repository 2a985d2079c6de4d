import pg from 'pg';

/** One notification. */
export interface Notification {
  readonly channel: string;
  /** At most {@link MAX_PAYLOAD_BYTES} in UTF-8. */
  readonly payload: string;
}

/** Sends Postgres notifications (NOTIFY). */
export interface NotificationSender {
  /** Sends several in one transaction, in their order. Of equal ones Postgres keeps only the first. */
  send(notifications: readonly Notification[]): Promise<void>;
  close(): Promise<void>;
}

/** What we put into one notification. Postgres refuses 8,000 bytes and more. Source: PostgreSQL manual, NOTIFY. */
export const MAX_PAYLOAD_BYTES = 7_900;

const CONNECT_TIMEOUT_MS = 10_000;
const STATEMENT_TIMEOUT_MS = 10_000;

/**
 * Sends over one connection of its own, opened when it is needed. Notifications hold a lock of the whole database from
 * their statement to their commit, so they stay out of the transactions that write rows.
 */
export function createNotificationSender(url: string): NotificationSender {
  const pool = new pg.Pool({
    connectionString: url,
    max: 1,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS,
    keepAlive: true,
  });
  // A connection that breaks while idle is replaced by the next send.
  pool.on('error', () => undefined);
  return {
    async send(notifications) {
      await pool.query(
        'SELECT count(pg_notify(channel, payload)) FROM unnest($1::text[], $2::text[]) AS given(channel, payload)',
        [notifications.map(({ channel }) => channel), notifications.map(({ payload }) => payload)],
      );
    },
    close: () => pool.end(),
  };
}
