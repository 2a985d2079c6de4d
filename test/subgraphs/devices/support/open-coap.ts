import type { TestDevices } from './open-devices.js';

/** Where the CoAP server of a subgraph listens. */
export function findCoapUrl({ subgraph }: Pick<TestDevices, 'subgraph'>): string {
  const url = subgraph.endpoints?.()['coap'];
  if (url === undefined) throw new Error('the CoAP server does not listen');
  return url;
}
