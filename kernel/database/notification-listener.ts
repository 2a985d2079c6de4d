import pg from 'pg';

export interface NotificationListenerOptions {
  /** A Postgres connection URL, straight to the server: a pooler that lends sessions by the statement cannot listen. */
  readonly url: string;
  readonly onNotification: (channel: string, payload: string) => void;
  /** Called when the connection is back after it was lost: what was sent in between has not been heard. */
  readonly onReconnect: () => void;
  /** Told of each lost connection and each failed attempt at one. */
  readonly onError: (error: unknown) => void;
  /** Yields numbers from 0 to 1, which spread the attempts of many processes. */
  readonly random?: () => number;
}

/** One connection that hears Postgres notifications (LISTEN), and comes back when it is lost. */
export interface NotificationListener {
  /** Resolves when notifications of the channel are heard. Errors: those of the connection. */
  listen(channel: string): Promise<void>;
  unlisten(channel: string): void;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 10_000;
const QUERY_TIMEOUT_MS = 5_000;
/** How often a connection is asked whether it is still there. */
const HEARTBEAT_MS = 15_000;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 10_000;

/** Listens to channels over one connection, which is opened with the first of them. */
export function createNotificationListener(options: NotificationListenerOptions): NotificationListener {
  const { url, onNotification, onReconnect, onError, random = Math.random } = options;
  const channels = new Set<string>();
  let opening: Promise<Connection> | undefined;
  let current: Connection | undefined;
  let lost = false;
  let closed = false;
  let failures = 0;
  let retryTimer: NodeJS.Timeout | undefined;

  /** The connection there is, or the one attempt at it that is being made. */
  function open(): Promise<Connection> {
    if (closed) return Promise.reject(new Error('the notification listener is closed'));
    clearTimeout(retryTimer);
    opening ??= connect({ url, channels, onNotification, onDropped }).then(onConnected, onFailed);
    return opening;
  }

  function onConnected(connection: Connection): Connection {
    current = connection;
    failures = 0;
    if (lost) {
      lost = false;
      onReconnect();
    }
    return connection;
  }

  function onFailed(error: unknown): never {
    opening = undefined;
    retryLater(error);
    throw error;
  }

  function onDropped(error: unknown): void {
    current = undefined;
    opening = undefined;
    lost = true;
    retryLater(error);
  }

  function retryLater(error: unknown): void {
    if (closed) return;
    onError(error);
    if (channels.size === 0) return;
    const longestMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** failures);
    failures += 1;
    clearTimeout(retryTimer);
    retryTimer = setTimeout(() => {
      open().catch(() => undefined);
    }, random() * longestMs);
  }

  return {
    async listen(channel) {
      channels.add(channel);
      const connection = await open();
      if (channels.has(channel))
        await connection.run((client) => `LISTEN ${client.escapeIdentifier(channel)}`);
    },
    unlisten(channel) {
      channels.delete(channel);
      current?.run((client) => `UNLISTEN ${client.escapeIdentifier(channel)}`).catch(() => undefined);
    },
    async close() {
      closed = true;
      clearTimeout(retryTimer);
      const connection = await opening?.catch(() => undefined);
      await connection?.end();
    },
  };
}

/** A connection that is given one statement after the other: pg deprecates a second one while the first still runs. */
interface Connection {
  /** Sends a statement when those before it have been answered, and waits for its answer. */
  run(statement: (client: pg.Client) => string): Promise<void>;
  /** Ends it when the statement that runs has been answered; those that still wait are left out. */
  end(): Promise<void>;
}

function queueStatements(client: pg.Client): Connection {
  let last: Promise<unknown> = Promise.resolve();
  let ending = false;
  return {
    run(statement) {
      const answered = last.then(async () => {
        if (!ending) await client.query(statement(client));
      });
      last = answered.catch(() => undefined);
      return answered;
    },
    async end() {
      ending = true;
      await last;
      await client.end();
    },
  };
}

interface ConnectOptions {
  readonly url: string;
  readonly channels: ReadonlySet<string>;
  readonly onNotification: NotificationListenerOptions['onNotification'];
  /** Called at most once, and only for a connection that had been made. */
  readonly onDropped: (error: unknown) => void;
}

async function connect({ url, channels, onNotification, onDropped }: ConnectOptions): Promise<Connection> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    keepAlive: true,
  });
  const connection = queueStatements(client);
  let state: 'CONNECTING' | 'CONNECTED' | 'DROPPED' = 'CONNECTING';

  function drop(error: unknown): void {
    if (state === 'DROPPED') return;
    const connected = state === 'CONNECTED';
    state = 'DROPPED';
    clearInterval(heartbeat);
    client.end().catch(() => undefined);
    if (connected) onDropped(error);
  }

  const heartbeat = setInterval(() => {
    connection.run(() => 'SELECT 1').catch(drop);
  }, HEARTBEAT_MS);
  client.on('error', drop);
  client.on('end', () => {
    drop(new Error('the server closed the connection'));
  });
  client.on('notification', ({ channel, payload }) => {
    if (state !== 'DROPPED') onNotification(channel, payload ?? '');
  });
  try {
    await client.connect();
    for (const channel of channels) await connection.run(() => `LISTEN ${client.escapeIdentifier(channel)}`);
    state = 'CONNECTED';
    return connection;
  } catch (error) {
    drop(error);
    throw error;
  }
}
