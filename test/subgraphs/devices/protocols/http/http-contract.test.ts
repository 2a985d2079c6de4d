import { toJson, type ContractPeer, type PeerOptions } from '../contract/contract-protocol.js';
import { createInbox, EXECUTED } from '../contract/inbox.js';
import { describeProtocol } from '../protocol-contract.js';

/** What a poll is answered. */
interface Polled {
  readonly commands?: readonly unknown[];
  readonly desired?: unknown;
  readonly reads?: readonly unknown[];
}

/** A device over HTTP, which asks for what it is told again and again once it listens. */
function openPeer({ devices, device, token }: PeerOptions): ContractPeer {
  const base = devices.ingestUrl.replace(/\/ingest$/, '');
  const authorization = `Bearer ${token}`;
  const inbox = createInbox();
  const hangUp = new AbortController();
  let polling: Promise<void> = Promise.resolve();
  let desiredVersion = 0;
  let measured: number | undefined;

  async function poll(): Promise<void> {
    while (!hangUp.signal.aborted) {
      const url = `${base}/devices/${device}/commands?waitSeconds=5&desiredVersion=${desiredVersion}`;
      const answer = await fetch(url, { headers: { authorization }, signal: hangUp.signal });
      const { commands = [], desired, reads = [] } = (await answer.json()) as Polled;
      for (const command of commands) inbox.command(command);
      if (desired != null) desiredVersion = inbox.desired(desired);
      for (const question of reads) {
        inbox.read(question);
        if (measured !== undefined) await post(`ingest/${device}`, toJson([{ value: measured }]));
      }
    }
  }

  async function post(path: string, body: string): Promise<number> {
    const headers = { authorization, 'content-type': 'application/json' };
    const answer = await fetch(`${base}/${path}`, { method: 'POST', headers, body });
    await answer.arrayBuffer();
    if (answer.status === 401 || answer.status === 403) throw new Error(`it was answered ${answer.status}`);
    return answer.status;
  }

  return {
    async send(name, readings) {
      return [429, 503].includes(await post(`ingest/${name}`, toJson(readings))) ? 'later' : 'taken';
    },
    listen() {
      polling = poll().catch(() => undefined);
      return Promise.resolve();
    },
    commands: () => inbox.commands,
    intervals: () => inbox.intervals,
    async execute({ id = '' }) {
      await post(`devices/${device}/commands/${id}/answer`, EXECUTED);
    },
    async report(interval) {
      await post(`devices/${device}/reported`, JSON.stringify({ interval }));
    },
    measures(value) {
      measured = value;
    },
    questions: () => inbox.reads.length,
    async close() {
      hangUp.abort();
      await polling;
    },
  };
}

describeProtocol({
  name: 'HTTP',
  kind: 'HTTP',
  open: () => Promise.resolve({ env: {}, close: () => Promise.resolve() }),
  connect: (options) => Promise.resolve(openPeer(options)),
  ...{ admits: 'US', delivers: 'EVERY', payload: 'TIMED', acknowledges: 'COMMIT' },
  ...{ commands: 'ENVELOPE', commandReaches: 'SENT', goodbye: 'UNSEEN' },
});
