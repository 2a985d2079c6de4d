import {
  describeProtocol,
  type ContractPeer,
  type PeerOptions,
  type ReceivedCommand,
} from '../protocol-contract.js';

/** A device over HTTP, which asks for its commands again and again once it listens. */
function openPeer({ devices, device, token }: PeerOptions): ContractPeer {
  const base = devices.ingestUrl.replace(/\/ingest$/, '');
  const authorization = `Bearer ${token}`;
  const received: ReceivedCommand[] = [];
  const hangUp = new AbortController();
  let polling: Promise<void> = Promise.resolve();
  let desiredVersion = 0;

  async function poll(): Promise<void> {
    while (!hangUp.signal.aborted) {
      const url = `${base}/devices/${device}/commands?waitSeconds=5&desiredVersion=${desiredVersion}`;
      const answer = await fetch(url, { headers: { authorization }, signal: hangUp.signal });
      const { commands, desired } = (await answer.json()) as {
        readonly commands?: readonly ReceivedCommand[];
        readonly desired?: { readonly version: number } | null;
      };
      received.push(...(commands ?? []));
      desiredVersion = desired?.version ?? desiredVersion;
    }
  }

  return {
    async send(name, telemetry) {
      const answer = await fetch(`${devices.ingestUrl}/${name}`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: telemetry,
      });
      await answer.arrayBuffer();
      if (answer.status === 401 || answer.status === 403) throw new Error(`it was answered ${answer.status}`);
      return answer.status === 429 || answer.status === 503 ? 'later' : 'taken';
    },
    listen() {
      polling = poll().catch(() => undefined);
      return Promise.resolve();
    },
    commands: () => received,
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
  acknowledgesCommits: true,
  letsIn: true,
  tellsCommands: true,
  noticesGoodbye: false,
});
