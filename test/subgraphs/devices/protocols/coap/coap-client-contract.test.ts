import { openCoapDevice } from '../../../../support/coap/coap-device.js';
import { toJson, type ContractPeer, type PeerOptions } from '../contract/contract-protocol.js';
import { setEndpoint } from '../contract/set-endpoint.js';
import { describeProtocol } from '../protocol-contract.js';

/** A device that serves its sensors over CoAP, to be observed. */
async function openPeer(options: PeerOptions): Promise<ContractPeer> {
  const device = await openCoapDevice();
  await setEndpoint(options, `coap://127.0.0.1:${device.port}`);
  const written = (path: string) =>
    device.writes.filter((write) => write.path === path).map(({ text }) => JSON.parse(text) as unknown);
  return {
    async send(_device, readings) {
      await device.tell(toJson(readings));
      return 'taken';
    },
    listen: () => Promise.resolve(),
    commands: () => written('/identify').map((input) => ({ action: 'identify', input })),
    execute: () => Promise.resolve(),
    intervals: () => written('/interval').map(Number),
    report: () => Promise.resolve(),
    measures(value) {
      if (value === undefined) device.fallSilent();
      else device.put(toJson([{ value }]));
    },
    questions: device.reads,
    close: device.close,
  };
}

describeProtocol({
  name: 'CoAP, of which we are the client',
  kind: 'COAP',
  open: () =>
    Promise.resolve({ env: { AEGIS_COAP_NETWORKS: '127.0.0.0/8' }, close: () => Promise.resolve() }),
  connect: openPeer,
  ...{ admits: 'NOBODY', delivers: 'NEWEST', payload: 'TIMED', acknowledges: 'COMMIT' },
  ...{ commands: 'INPUT', commandReaches: 'EXECUTED', goodbye: 'UNSEEN' },
});
