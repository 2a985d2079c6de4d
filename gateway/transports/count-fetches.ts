import type { Counter } from 'prom-client';
import type { Transport } from './transport.js';

/** A transport that counts its requests by outcome. */
export function countFetches(
  transport: Transport,
  subgraph: string,
  counter: Counter<'subgraph' | 'outcome'>,
): Transport {
  return {
    ...transport,
    async execute(request) {
      try {
        const response = await transport.execute(request);
        counter.inc({ subgraph, outcome: response.errors && response.errors.length > 0 ? 'errors' : 'ok' });
        return response;
      } catch (error) {
        counter.inc({ subgraph, outcome: 'failed' });
        throw error;
      }
    },
  };
}
