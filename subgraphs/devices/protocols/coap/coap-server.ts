import type { Logger } from '../../../../kernel/telemetry/logger.js';
import type { Health } from '../../../../kernel/graphql/subgraph.js';
import type { Protocol, ProtocolDeps } from '../protocol.js';
import { createBlockServer, resourceOf, type BlockServer } from './block-server.js';
import { createCoapAccess, type FindDeviceId } from './coap-access.js';
import type { CoapMessage, Remote } from './coap-message.js';
import { createCoapObservers } from './coap-observers.js';
import { diagnose, toErrorReply, toMessage } from './coap-reply.js';
import { describePath, findUnknownCritical, readRequest, type CoapReply } from './coap-request.js';
import { createCoapRoutes, type CoapRoutes } from './coap-routes.js';
import { COAP_TIMING, type CoapTiming } from './coap-timing.js';
import { createMessageLayer, type AnsweredMessage } from './message-layer.js';

export interface CoapServerDeps extends ProtocolDeps {
  readonly findDeviceId: FindDeviceId;
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** The most devices that may observe at once. */
  readonly maxObservers: number;
  readonly timing?: CoapTiming;
  /** See the observers' own option. */
  readonly probeMs?: number;
}

/**
 * Makes a CoAP server (RFC 7252 over UDP) with blocks (RFC 7959) and observations (RFC 7641).
 *
 * Devices POST or PUT `/<workspace>/<device>/telemetry`, `reported` and `events`, observe `commands`, `desired` and `reads`, answer at
 * `commands/<id>`, and trade a claim code at `/provision`; credentials of one device may leave out the first two parts. 2.04
 * follows the commit. What cannot be stored now is answered 5.03 with Max-Age.
 *
 * There is no DTLS: Node has none, and no library of it for servers with pre-shared keys is maintained. So it listens on
 * loopback unless told otherwise; elsewhere it belongs in a private network, or behind a proxy that ends DTLS.
 */
export function createCoapServer(deps: CoapServerDeps): Protocol {
  const { host, port, logger, timing = COAP_TIMING, maxPayloadBytes } = deps;
  const blocks = createBlockServer({ maxBodyBytes: maxPayloadBytes, lifetimeMs: timing.exchangeLifetimeMs });
  const access = createCoapAccess(deps);
  const layer = createMessageLayer({
    ...{ host, port, logger, timing },
    onRequest: (message, remote) => answer(message, remote, { blocks, routes, logger }),
  });
  const observers = createCoapObservers({ ...deps, layer, blocks });
  const routes = createCoapRoutes({ ...deps, access, observers });

  function url(): string | undefined {
    const address = layer.address();
    return address && `coap://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
  }

  return {
    name: 'CoAP server',
    url,
    async start() {
      await layer.listen();
      logger.info({ url: url() }, 'the CoAP server listens');
    },
    stopAccepting() {
      layer.stopAccepting();
      return Promise.resolve();
    },
    async close() {
      observers.close();
      await layer.close();
    },
    health: (): Health =>
      layer.address() ? { state: 'UP' } : { state: 'DOWN', reason: 'the CoAP server does not listen' },
  };
}

interface AnswerDeps {
  readonly blocks: BlockServer;
  readonly routes: CoapRoutes;
  readonly logger: Logger;
}

/** Answers one message: it may be a block of a request. */
async function answer(
  message: CoapMessage,
  remote: Remote,
  { blocks, routes, logger }: AnswerDeps,
): Promise<AnsweredMessage> {
  const refuse = (reply: CoapReply): AnsweredMessage => toMessage(reply, message.token);
  const unknown = findUnknownCritical(message);
  if (unknown !== undefined) return refuse(diagnose('4.02', `CoAP: option ${unknown} is not understood.`));
  const request = readRequest(message, remote);
  const route = request && routes.find(request);
  if (!request || route === 'no-method')
    return refuse(diagnose('4.05', 'CoAP: this resource does not have that method.'));
  if (!route)
    return refuse(
      diagnose('4.04', 'CoAP: there is no such resource; /.well-known/core lists what there is.'),
    );
  const named = { ...request, resource: resourceOf(message) };
  try {
    return await blocks.serve(message, remote, {
      admit: () => route.check(named).then(() => undefined, toErrorReply),
      answer: (payload) => route.answer({ ...named, payload }).catch(toErrorReply),
    });
  } catch (error) {
    if (!isForeseen(error)) logger.error({ err: error, path: describePath(request.path) }, 'CoAP failed');
    return refuse(toForeseen(error));
  }
}

function isForeseen(error: unknown): boolean {
  return error instanceof Error && error.name === 'AegisError';
}

function toForeseen(error: unknown): CoapReply {
  if (isForeseen(error)) return toErrorReply(error);
  return diagnose('5.00', 'CoAP: the server failed in a way it did not foresee; its log has the reason.');
}
