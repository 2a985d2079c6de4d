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
  let opening: Promise<pg.Client> | undefined;
  let current: pg.Client | undefined;
  let lost = false;
  let closed = false;
  let failures = 0;
  let retryTimer: NodeJS.Timeout | undefined;

  /** The connection there is, or the one attempt at it that is being made. */
  function open(): Promise<pg.Client> {
    if (closed) return Promise.reject(new Error('the notification listener is closed'));
    clearTimeout(retryTimer);
    opening ??= connect({ url, channels, onNotification, onDropped }).then(onConnected, onFailed);
    return opening;
  }

  function onConnected(client: pg.Client): pg.Client {
    current = client;
    failures = 0;
    if (lost) {
      lost = false;
      onReconnect();
    }
    return client;
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
      const client = await open();
      if (channels.has(channel)) await client.query(`LISTEN ${client.escapeIdentifier(channel)}`);
    },
    unlisten(channel) {
      channels.delete(channel);
      current?.query(`UNLISTEN ${current.escapeIdentifier(channel)}`).catch(() => undefined);
    },
    async close() {
      closed = true;
      clearTimeout(retryTimer);
      const client = await opening?.catch(() => undefined);
      await client?.end();
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

async function connect({ url, channels, onNotification, onDropped }: ConnectOptions): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    keepAlive: true,
  });
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
    client.query('SELECT 1').catch(drop);
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
    for (const channel of channels) await client.query(`LISTEN ${client.escapeIdentifier(channel)}`);
    state = 'CONNECTED';
    return client;
  } catch (error) {
    drop(error);
    throw error;
  }
}
