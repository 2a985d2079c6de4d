import { AegisError } from '../../kernel/errors/aegis-error.js';
import { createTextHashes } from '../../kernel/telemetry/text-hashes.js';
import { isSampled } from '../../kernel/telemetry/trace-context.js';
import type { Span, Tracing } from '../../kernel/telemetry/tracing.js';
import type { FetchObserver, SubgraphRequest, SubgraphResponse, Transport } from './transport.js';

/** What errors without a code of their own, or with one that is none, count as. */
const NO_CODE = 'GRAPHQL_ERROR';
const CODE = /^[A-Z][A-Z\d_]{0,63}$/;

/**
 * A transport with a span around each fetch and around the begin of each subscription. What the subgraph does itself can
 * be seen below it: it is told the span as the step before.
 *
 * Source: OpenTelemetry semantic conventions for GraphQL, HTTP and server attributes.
 */
export function traceFetches(transport: Transport, subgraph: string, tracing: Tracing): Transport {
  const { address } = transport;
  const hashOf = createTextHashes();
  const place = address && {
    'server.address': address.hostname,
    'server.port': address.port === '' ? undefined : Number(address.port),
  };

  function begin({ operation, context, representations }: SubgraphRequest, what: string): Span {
    return tracing.begin(context.trace, {
      name: `${what} ${subgraph}`,
      isRemote: address !== undefined,
      attributes: {
        'aegis.subgraph.name': subgraph,
        'graphql.operation.type': operation.kind,
        'graphql.operation.name': operation.name,
        'aegis.graphql.document.hash': hashOf(operation, operation.text),
        'aegis.fetch.entities': representations?.length,
        ...place,
      },
    });
  }

  /** What is not recorded should cost nothing. */
  const isTraced = ({ context }: SubgraphRequest) => isSampled(context.trace);

  async function follow<T>(
    span: Span,
    request: SubgraphRequest,
    ask: (request: SubgraphRequest) => Promise<T>,
  ): Promise<T> {
    try {
      const context = { ...request.context, trace: span.trace };
      return await ask({ ...request, context, observer: observe(span) });
    } catch (error) {
      span.fail(error instanceof AegisError ? error.code : 'INTERNAL_SERVER_ERROR');
      throw error;
    } finally {
      span.end();
    }
  }

  return {
    ...transport,
    execute(request) {
      if (!isTraced(request)) return transport.execute(request);
      const span = begin(request, 'fetch');
      return follow(span, request, async (traced) => {
        const response = await transport.execute(traced);
        const [error] = response.errors ?? [];
        if (error) span.fail(codeOf(error));
        return response;
      });
    },
    subscribe(request) {
      if (!isTraced(request)) return transport.subscribe(request);
      return follow(begin(request, 'subscribe'), request, (traced) => transport.subscribe(traced));
    },
  };
}

function observe(span: Span): FetchObserver {
  let resends = 0;
  return {
    onStatus: (status) => {
      span.set('http.response.status_code', status);
    },
    onResend: () => {
      resends += 1;
      span.set('http.request.resend_count', resends);
    },
    onShared: () => {
      span.set('aegis.fetch.shared', true);
    },
  };
}

/** What a subgraph says is a code may be any text. */
function codeOf({ extensions }: NonNullable<SubgraphResponse['errors']>[number]): string {
  const code = extensions?.['code'];
  return typeof code === 'string' && CODE.test(code) ? code : NO_CODE;
}
