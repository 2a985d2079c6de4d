import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { answerRefusal } from '../../../kernel/errors/answer-refusal.js';
import type { Health, IdentifyClient } from '../../../kernel/graphql/subgraph.js';
import { findBearerToken } from '../../../kernel/identity/bearer-token.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import { traceOf } from '../../../kernel/telemetry/trace-context.js';
import type { NetworkGraph } from '../graph/network-graph.js';
import type { Network, NetworkOf } from '../network.js';
import { readNodeName } from '../reports/node-name.js';
import { takePushedValue } from '../reports/pushed-value.js';
import { describeHealth, describeIntegration, describeNetwork, describeReceipt } from './answers.js';
import { describeRest } from './open-api.js';

export interface RestRoutesDeps {
  readonly networkOf: NetworkOf;
  readonly graph: NetworkGraph;
  readonly identify: IdentifyClient;
  readonly health: () => Promise<Health>;
  readonly now: () => Date;
  readonly logger: Logger;
}

/** A report has some hundred bytes. */
const MOST_BYTES = 16_384;

/**
 * Makes the REST doors: `GET /api/health`, `/api/metrics/integration`, `/api/network/status` and `/api/openapi.json`; `POST
 * /nodes/<id>/consciousness` (answered once the report is stored) and `/nodes/<id>/state`. They let in whom the graph lets in;
 * `/api/health` and the document tell nothing of a workspace, and are open.
 *
 * Only `application/json` is taken. A page of another origin cannot send that without asking first (CORS preflight), and nobody
 * here says yes, so no web page can write through its visitor's browser.
 */
export function createRestRoutes(deps: RestRoutesDeps): (server: FastifyInstance) => void {
  return (server) => {
    // A plugin of its own: its parser and its errors are not those of the server around it.
    void server.register((scope, _options, done) => {
      takeJson(scope);
      scope.setErrorHandler((error: FastifyError | AegisError, { headers }, reply) =>
        answerError(error, reply, { logger: deps.logger, traceId: traceOf(headers).traceId }),
      );
      addReads(scope, deps);
      addWrites(scope, deps);
      done();
    });
  };
}

function takeJson(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser(
    'application/json',
    { parseAs: 'string', bodyLimit: MOST_BYTES },
    (_request, body, parsed) => {
      try {
        parsed(null, JSON.parse(String(body)));
      } catch {
        parsed(new AegisError('BAD_USER_INPUT', 'expected a body of JSON, got something else.'));
      }
    },
  );
}

function addReads(scope: FastifyInstance, deps: RestRoutesDeps): void {
  const { graph, now } = deps;
  const document = describeRest();
  scope.get('/api/openapi.json', () => document);
  scope.get('/api/health', async (_request, reply) => {
    const health = await deps.health();
    void reply.code(health.state === 'UP' ? 200 : 503).header('cache-control', 'no-store');
    return describeHealth(health, now());
  });
  scope.get('/api/metrics/integration', async (request, reply) => {
    const newest = await (await admit(request, deps)).currentMeasurement();
    if (!newest) {
      throw new AegisError(
        'NOT_FOUND',
        'expected an update of the last 30 s, and there is none: no node has a fresh signal, or the network has not been measured yet.',
      );
    }
    void reply.header('cache-control', 'no-store');
    return describeIntegration(newest);
  });
  scope.get('/api/network/status', async (request, reply) => {
    const newest = await (await admit(request, deps)).currentMeasurement();
    void reply.header('cache-control', 'no-store');
    return describeNetwork(newest, { graph, at: now() });
  });
}

function addWrites(scope: FastifyInstance, deps: RestRoutesDeps): void {
  scope.post('/nodes/:id/consciousness', { bodyLimit: MOST_BYTES }, async (request) => {
    const { reports } = await admit(request, deps);
    return describeReceipt(await reports.submit(request.body, { door: 'HTTP', nodeId: nodeOf(request) }));
  });
  scope.post('/nodes/:id/state', { bodyLimit: MOST_BYTES }, async (request, reply) => {
    const { pushState } = await admit(request, deps);
    await takePushedValue(pushState, readNodeName(nodeOf(request), deps.graph.nodeCount), request.body);
    return reply.code(202).send();
  });
}

/** The network of who asks. Errors: UNAUTHENTICATED. */
async function admit({ headers }: FastifyRequest, { identify, networkOf }: RestRoutesDeps): Promise<Network> {
  const key = headers['x-api-key'];
  const token = findBearerToken(headers) ?? (typeof key === 'string' && key !== '' ? key : undefined);
  const principal = await identify({ token });
  if (principal) return networkOf(principal.workspace);
  throw new AegisError(
    'UNAUTHENTICATED',
    'expected a valid key in `Authorization: Bearer <key>` or `X-Api-Key: <key>`, and got none.',
  );
}

function nodeOf({ params }: FastifyRequest): string {
  return (params as { readonly id: string }).id;
}

interface AnswerDeps {
  readonly logger: Logger;
  readonly traceId: string;
}

function answerError(
  error: FastifyError | AegisError,
  reply: FastifyReply,
  { logger, traceId }: AnswerDeps,
): FastifyReply {
  const refusal = error instanceof AegisError ? error : fromFramework(error, { logger, traceId });
  return answerRefusal(reply, refusal, traceId);
}

function fromFramework(error: FastifyError, { logger, traceId }: AnswerDeps): AegisError {
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new AegisError('PAYLOAD_TOO_LARGE', `expected at most ${MOST_BYTES} bytes.`);
  }
  if (error.statusCode !== undefined && error.statusCode < 500) {
    return new AegisError('BAD_USER_INPUT', `expected a body of type application/json. (${error.message})`);
  }
  logger.error({ err: error, traceId }, 'a REST door failed');
  return new AegisError(
    'INTERNAL_SERVER_ERROR',
    `The server failed in a way it did not foresee. Its log has the reason under trace id ${traceId}.`,
  );
}
