import { describe, expect, it } from '@jest/globals';
import { encodeSparkplug } from '../../../../../subgraphs/devices/codecs/sparkplug/encode-sparkplug.js';
import { createSparkplug } from '../../../../../subgraphs/devices/protocols/sparkplug/sparkplug.js';
import type { SparkplugKind } from '../../../../../subgraphs/devices/protocols/sparkplug/sparkplug-topic.js';
import { waitFor } from '../../../../support/wait-for.js';
import { newWorkspace } from '../../support/open-devices.js';
import { createTelemetryDeps } from '../../support/telemetry-deps.js';

const PAUSE_MS = 150;

/** A host application with one edge node; `asked` are the times at which that was asked for its birth. */
function openHost() {
  const workspace = newWorkspace();
  const node = { id: 'dev_1', name: 'edge1', labels: {}, metrics: new Map() };
  const host = createSparkplug({
    ...createTelemetryDeps(workspace, () => Promise.resolve({ accepted: 1, repeated: 0 })),
    devices: { find: () => node },
    rebirthPauseMs: PAUSE_MS,
  });
  const asked: number[] = [];
  const link = {
    key: {},
    publish: () => {
      asked.push(performance.now());
      return Promise.resolve('SENT' as const);
    },
    end: () => undefined,
  };
  const send = (kind: SparkplugKind, seq: number) =>
    host.take(
      {
        ...{ workspace, kind, node: 'edge1', behind: undefined, topic: `spBv1.0/${workspace}/${kind}/edge1` },
        ...{ payload: encodeSparkplug({ seq, metrics: [] }), whenFull: 'wait' },
      },
      link,
    );
  return {
    asked,
    send,
    close: () => {
      host.closed(link.key);
    },
  };
}

const untilPauseIsOver = () => new Promise((resolve) => setTimeout(resolve, 2 * PAUSE_MS));

describe('asking an edge node for its birth', () => {
  it('is made up for after the pause where messages are missed meanwhile', async () => {
    const { asked, send, close } = openHost();
    await send('NDATA', 7);
    await send('NBIRTH', 0);
    await send('NDATA', 2);
    await send('NDATA', 5);
    expect(asked).toHaveLength(1);
    await waitFor('it is asked again', () => asked.length === 2);
    expect((asked[1] ?? 0) - (asked[0] ?? 0)).toBeGreaterThan(PAUSE_MS - 20);
    close();
  });

  it('is let be where the birth came, or the node went, during the pause', async () => {
    const born = openHost();
    await born.send('NDATA', 7);
    await born.send('NDATA', 9);
    await born.send('NBIRTH', 0);
    const gone = openHost();
    await gone.send('NDATA', 7);
    await gone.send('NDATA', 9);
    gone.close();
    await untilPauseIsOver();
    expect([born.asked.length, gone.asked.length]).toEqual([1, 1]);
  });
});
