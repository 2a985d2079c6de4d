import type { RequestContext } from '../../../kernel/graphql/subgraph.js';
import type { SetDeviceEndpointInput, UserError } from '../generated/schema-types.js';
import { noSuchDevice } from '../registration.js';
import { formatEndpoint, parseEndpoint } from './endpoint.js';
import type { EndpointRegistry } from './registry.js';
import { toOrigin } from '../to-origin.js';

/** What came of setting an endpoint: the device's id, or why not. */
export interface EndpointPayload {
  readonly deviceId: string | null;
  readonly userErrors: UserError[];
}

/** The changes of endpoints, each checked first. */
export interface EndpointMutations {
  set(input: SetDeviceEndpointInput, request: RequestContext): Promise<EndpointPayload>;
}

/** Makes them. */
export function createEndpointMutations(registry: Pick<EndpointRegistry, 'set'>): EndpointMutations {
  return {
    async set({ id, endpoint }, request) {
      const parsed = endpoint == null ? null : parseEndpoint(endpoint.trim());
      if (parsed === undefined) return refused(notAnEndpoint(endpoint ?? ''));
      const origin = toOrigin(request);
      const outcome = await registry.set(origin, id, parsed && formatEndpoint(parsed));
      if (outcome === 'NO_DEVICE') return refused(noSuchDevice(id));
      if (outcome === 'TAKEN') return refused(taken(endpoint ?? ''));
      return { deviceId: id, userErrors: [] };
    },
  };
}

function refused(error: UserError): EndpointPayload {
  return { deviceId: null, userErrors: [error] };
}

function notAnEndpoint(text: string): UserError {
  return {
    code: 'BAD_USER_INPUT',
    message: `Expected coap://host, coap://host:port/path or ble:AA:BB:CC:DD:EE:FF, got ${JSON.stringify(text.slice(0, 100))}.`,
    path: ['endpoint'],
  };
}

function taken(text: string): UserError {
  return {
    code: 'CONFLICT',
    message: `Another device is reached at ${JSON.stringify(text.slice(0, 100))} already; take it from that one first.`,
    path: ['endpoint'],
  };
}
