import type { FastifyError, FastifyInstance } from 'fastify';
import type { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { traceOf } from '../../../../kernel/telemetry/trace-context.js';
import type { KnownDevices } from '../../readings/known-devices.js';
import type { Protocol, ProtocolDeps } from '../protocol.js';
import { addDeviceRoutes } from './device-routes.js';
import { createHttpAccess } from './http-access.js';
import { answerError } from './http-errors.js';
import { createPolledDevices } from './polled-devices.js';
import { addTelemetryRoutes } from './telemetry-routes.js';

export interface HttpDeps extends ProtocolDeps {
  readonly devices: Pick<KnownDevices, 'find'>;
}

/** The protocol whose server is another's. */
export interface HttpProtocol extends Protocol {
  /** Adds its routes to the server of the subgraph, or of the gateway. */
  readonly routes: (server: FastifyInstance) => void;
}

/**
 * What is taken. A page of another origin cannot send any of these without asking first (CORS preflight), and nobody here
 * says yes, so no web page can write readings through its visitor's browser: what forms send (`text/plain`,
 * `application/x-www-form-urlencoded`, `multipart/form-data`) is refused. Source: Fetch, §2.2.2 (safelisted headers).
 */
const CONTENT_TYPES = [
  'application/json',
  'application/merge-patch+json',
  'application/cbor',
  'application/senml+json',
  'application/senml+cbor',
  'application/sensml+json',
  'application/sensml+cbor',
  'application/vnd.eclipse.sparkplug.b',
  'application/octet-stream',
];
const STREAM_TYPE = 'application/x-ndjson';

/** Makes what devices do over HTTP: telemetry, one message, a batch or a stream; reports, events, commands; provisioning. */
export function createHttp(deps: HttpDeps): HttpProtocol {
  const { logger, maxPayloadBytes } = deps;
  const access = createHttpAccess(deps);
  const polled = createPolledDevices(deps);
  const stopping = new AbortController();
  return {
    name: 'HTTP',
    url: () => undefined,
    start: () => Promise.resolve(),
    stopAccepting() {
      stopping.abort();
      return Promise.resolve();
    },
    close() {
      polled.close();
      return Promise.resolve();
    },
    health: () => ({ state: 'UP' }),
    routes(server) {
      // A plugin of its own: its parsers and its errors are not those of the server around it.
      void server.register((scope, _options, done) => {
        addParsers(scope, maxPayloadBytes);
        // Polls and streams would keep the server from closing.
        scope.addHook('preClose', (hooked) => {
          stopping.abort();
          hooked();
        });
        scope.setErrorHandler((error: FastifyError | AegisError, { headers }, reply) =>
          answerError(error, reply, { logger, traceId: traceOf(headers).traceId }),
        );
        addTelemetryRoutes(scope, { ...deps, access, stopping: stopping.signal });
        addDeviceRoutes(scope, { ...deps, access, polled, stopping: stopping.signal });
        done();
      });
    },
  };
}

function addParsers(scope: FastifyInstance, bodyLimit: number): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser(CONTENT_TYPES, { parseAs: 'buffer', bodyLimit }, (_request, body, parsed) => {
    parsed(null, body);
  });
  // Read line by line, with a bound for each line.
  scope.addContentTypeParser(STREAM_TYPE, (_request, _body, parsed) => {
    parsed(null, undefined);
  });
}
