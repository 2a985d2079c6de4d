import { createCoapServer } from '../../../../subgraphs/devices/protocols/coap/coap-server.js';
import { COAP_TIMING } from '../../../../subgraphs/devices/protocols/coap/coap-timing.js';
import type { Protocol } from '../../../../subgraphs/devices/protocols/protocol.js';
import { openCoapDatagrams, type CoapDatagrams } from '../../../support/coap/coap-datagrams.js';
import { createNodeCoap, type NodeCoap } from '../../../support/coap/node-coap.js';
import { findTestDevice, recordProtocol, type ProtocolRecord } from './protocol-deps.js';

const TIMING = { ...COAP_TIMING, ackTimeoutMs: 40, maxRetransmit: 2, separateAfterMs: 60 };

/** A CoAP server without the rest of the subgraph, quick to repeat and to give up, and two clients of it. */
export interface TestCoapServer {
  readonly server: Protocol;
  readonly record: ProtocolRecord;
  readonly url: string;
  readonly client: NodeCoap;
  readonly raw: CoapDatagrams;
  close(): Promise<void>;
}

/** Opens one for at most two observers. */
export async function openCoapServer(): Promise<TestCoapServer> {
  const record = recordProtocol();
  const server = createCoapServer({
    ...record.deps,
    ...{ host: '127.0.0.1', port: 0, maxObservers: 2, timing: TIMING, probeMs: 400 },
    findDeviceId: async (_workspace, idOrName) => findTestDevice(idOrName),
  });
  await server.start();
  const url = server.url() ?? '';
  const client = createNodeCoap();
  const raw = await openCoapDatagrams(url);
  return {
    ...{ server, record, url, client, raw },
    async close() {
      client.close();
      await raw.close();
      await server.close();
    },
  };
}

/** An option as it goes on the wire. */
export function coapOption(name: string, value: string | Buffer): { name: string; value: Buffer } {
  return { name, value: Buffer.from(value) };
}

/** The options of a path. */
export function coapPath(...parts: readonly string[]): { name: string; value: Buffer }[] {
  return parts.map((part) => coapOption('Uri-Path', part));
}
