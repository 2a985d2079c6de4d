import { pino, type Logger } from 'pino';

export type { Logger };

export interface LoggerOptions {
  readonly level: string;
  /** Human-readable lines instead of JSON: for a terminal. */
  readonly pretty: boolean;
}

/** Paths that may hold secrets in whatever is logged: their values are replaced before a line is written. */
const SECRET_PATHS = ['authorization', 'cookie', 'password', 'token', 'secret', 'apiKey'].flatMap((name) => [
  name,
  `*.${name}`,
  `*.*.${name}`,
]);

/**
 * The process's structured log: one JSON object a line on standard output, or coloured lines for a person. When nobody
 * reads the output any more, lines are dropped, and the process goes on.
 */
export function createLogger({ level, pretty }: LoggerOptions): Logger {
  const base = { level, redact: { paths: SECRET_PATHS, censor: '[secret]' }, base: null };
  if (!pretty) return pino({ ...base, timestamp: pino.stdTimeFunctions.isoTime }, standardOutput());
  return pino({
    ...base,
    transport: { target: 'pino-pretty', options: { translateTime: 'HH:MM:ss.l', singleLine: true } },
  });
}

/** pino's own destination would try for ever to write its last lines to a closed pipe, and so the process never end. */
function standardOutput(): NodeJS.WriteStream {
  if (process.stdout.listenerCount('error') === 0) process.stdout.on('error', () => undefined);
  return process.stdout;
}
