import { pino } from 'pino';
import { createLogger, type Logger } from '../../kernel/telemetry/logger.js';

/** The logger that libraries of Apollo take: `console`, and what pino, winston, log4js and loglevel make. */
export interface GatewayLogger {
  debug(message?: unknown): unknown;
  info(message?: unknown): unknown;
  warn(message?: unknown): unknown;
  error(message?: unknown): unknown;
}

export interface BridgeLoggerOptions {
  readonly logger?: GatewayLogger | undefined;
  readonly debug?: boolean | undefined;
}

/** pino's levels, from the highest on. */
const METHODS = [
  [50, 'error'],
  [40, 'warn'],
  [30, 'info'],
  [0, 'debug'],
] as const;

/** The gateway's own logger, which writes to the logger that somebody gave, or else to standard output. */
export function bridgeLogger({ logger, debug = false }: BridgeLoggerOptions): Logger {
  if (!logger) return createLogger({ level: debug ? 'debug' : 'warn', pretty: false });
  return pino(
    { level: 'debug', base: null, timestamp: false },
    {
      write(line: string) {
        const { level, msg = '', err, ...facts } = JSON.parse(line) as LogLine;
        const method = METHODS.find(([from]) => level >= from)?.[1] ?? 'debug';
        const cause = err === undefined ? '' : `: ${err.stack ?? err.message ?? ''}`;
        const rest = Object.keys(facts).length === 0 ? '' : ` ${JSON.stringify(facts)}`;
        logger[method](`${msg}${cause}${rest}`);
      },
    },
  );
}

interface LogLine {
  readonly level: number;
  readonly msg?: string;
  readonly err?: { readonly message?: string; readonly stack?: string };
}
