import { createNodeCoap } from '../../../../support/coap/node-coap.js';
import { findCoapUrl } from '../../support/open-coap.js';
import {
  describeProtocol,
  type ContractPeer,
  type PeerOptions,
  type ReceivedCommand,
} from '../protocol-contract.js';

/** A device by the npm library `coap`, which observes its commands once it listens. */
function openPeer({ devices, device, token }: PeerOptions): ContractPeer {
  const url = `${findCoapUrl(devices)}/${devices.workspace}`;
  const listening = createNodeCoap();
  let texts: readonly string[] = [];

  return {
    async send(name, payload) {
      // A client of its own for each: bodies in blocks for one resource cannot be told apart otherwise (RFC 7959, §2.5).
      const client = createNodeCoap();
      try {
        const options = {
          ...{ '65000': Buffer.from(token), 'Content-Format': 50 },
          ...(payload.length > 1_024 ? { Block1: Buffer.from([6]) } : {}),
        };
        const { code } = await client.call(`${url}/${name}/telemetry`, { method: 'POST', payload, options });
        if (code === '4.01' || code === '4.03') throw new Error(`it was answered ${code}`);
        return code === '5.03' ? 'later' : 'taken';
      } finally {
        client.close();
      }
    },
    async listen() {
      const options = { '65000': Buffer.from(token) };
      ({ texts } = await listening.observe(`${url}/${device}/commands`, options));
    },
    commands: () => texts.filter((text) => text !== '').map((text) => JSON.parse(text) as ReceivedCommand),
    async close() {
      listening.close();
    },
  };
}

describeProtocol({
  name: 'CoAP',
  kind: 'COAP',
  open: () => Promise.resolve({ env: {}, close: () => Promise.resolve() }),
  connect: (options) => Promise.resolve(openPeer(options)),
  acknowledgesCommits: true,
  letsIn: true,
  tellsCommands: true,
  noticesGoodbye: false,
});
