import { setTimeout as sleep } from 'node:timers/promises';
import { createNodeCoap } from '../../../../support/coap/node-coap.js';
import { findCoapUrl } from '../../support/open-coap.js';
import { toJson, type ContractPeer, type PeerOptions } from '../contract/contract-protocol.js';
import { createInbox, EXECUTED } from '../contract/inbox.js';
import { describeProtocol } from '../protocol-contract.js';

const LOOK_MS = 10;

/** A device by the npm library `coap`, which observes what it is told once it listens. */
function openPeer({ devices, device, token }: PeerOptions): ContractPeer {
  const url = `${findCoapUrl(devices)}/${devices.workspace}`;
  const listening = createNodeCoap();
  const answering = new AbortController();
  let measured: number | undefined;
  const observed: Record<string, readonly string[]> = {};
  const told = (resource: string): unknown[] =>
    (observed[resource] ?? []).filter((text) => text !== '').map((text) => JSON.parse(text) as unknown);

  async function post(path: string, payload: string): Promise<string> {
    // A client of its own for each: bodies in blocks for one resource cannot be told apart otherwise (RFC 7959, §2.5).
    const client = createNodeCoap();
    try {
      const options = {
        ...{ '65000': Buffer.from(token), 'Content-Format': 50 },
        ...(payload.length > 1_024 ? { Block1: Buffer.from([6]) } : {}),
      };
      const { code } = await client.call(`${url}/${path}`, { method: 'POST', payload, options });
      if (code === '4.01' || code === '4.03') throw new Error(`it was answered ${code}`);
      return code;
    } finally {
      client.close();
    }
  }

  function inbox() {
    const read = createInbox();
    for (const command of told('commands')) read.command(command);
    for (const desired of told('desired')) read.desired(desired);
    for (const question of told('reads')) read.read(question);
    return read;
  }

  /** Looks again and again, as the client of the library hands observations on without a word. */
  async function answerQuestions(): Promise<void> {
    for (let answered = 0; !answering.signal.aborted;) {
      const { length } = inbox().reads;
      for (; answered < length; answered += 1)
        if (measured !== undefined) await post(`${device}/telemetry`, toJson([{ value: measured }]));
      await sleep(LOOK_MS, undefined, { signal: answering.signal }).catch(() => undefined);
    }
  }

  return {
    send: async (name, readings) =>
      (await post(`${name}/telemetry`, toJson(readings))) === '5.03' ? 'later' : 'taken',
    async listen() {
      for (const resource of ['commands', 'desired', 'reads']) {
        const options = { '65000': Buffer.from(token) };
        observed[resource] = (await listening.observe(`${url}/${device}/${resource}`, options)).texts;
      }
      void answerQuestions().catch(() => undefined);
    },
    commands: () => inbox().commands,
    intervals: () => inbox().intervals,
    async execute({ id = '' }) {
      await post(`${device}/commands/${id}`, EXECUTED);
    },
    async report(interval) {
      await post(`${device}/reported`, JSON.stringify({ interval }));
    },
    measures(value) {
      measured = value;
    },
    questions: () => inbox().reads.length,
    async close() {
      answering.abort();
      listening.close();
    },
  };
}

describeProtocol({
  name: 'CoAP, of which we are the server',
  kind: 'COAP',
  open: () => Promise.resolve({ env: {}, close: () => Promise.resolve() }),
  connect: (options) => Promise.resolve(openPeer(options)),
  ...{ admits: 'US', delivers: 'EVERY', payload: 'TIMED', acknowledges: 'COMMIT' },
  ...{ commands: 'ENVELOPE', commandReaches: 'DELIVERED', goodbye: 'UNSEEN' },
});
