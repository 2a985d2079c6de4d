import { afterEach, describe, expect, it } from '@jest/globals';
import { createLogger } from '../../../../kernel/telemetry/logger.js';
import { createLanes, type Lanes, type LanesDeps } from '../../../../subgraphs/devices/commands/lanes.js';
import { waitFor } from '../../../support/wait-for.js';
import { createOpened } from '../../support/opened.js';
import { newWorkspace } from '../support/open-devices.js';

const workspace = newWorkspace();
const opened = createOpened();
afterEach(opened.close);

function open(work: LanesDeps['work'], more: Partial<LanesDeps> = {}): Lanes {
  const logger = createLogger({ level: 'silent', pretty: false });
  return opened.keep(createLanes({ work, logger, what: 'test', retryMs: 10, ...more }));
}

/** A wait that the test ends. */
function gate() {
  let open: () => void = () => undefined;
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { open, passed };
}

describe('a lane', () => {
  it('takes one more turn for however many calls during one', async () => {
    const { open: letGo, passed } = gate();
    let turns = 0;
    const lanes = open(async () => {
      turns += 1;
      if (turns === 1) await passed;
      return undefined;
    });
    lanes.wake(workspace, 'a', false);
    for (let call = 0; call < 5; call += 1) lanes.wake(workspace, 'a', false);
    letGo();
    await waitFor('it has its second turn', () => turns === 2);
    await lanes.close();
    expect(turns).toBe(2);
  });

  it('is tried again after a failure, and remembers that the session is new', async () => {
    const turns: boolean[] = [];
    const lanes = open(({ isNewSession }) => {
      turns.push(isNewSession);
      return turns.length < 3 ? Promise.reject(new Error('no')) : Promise.resolve(undefined);
    });
    lanes.wake(workspace, 'a', true);
    await waitFor('it has succeeded', () => turns.length === 3);
    expect(turns).toEqual([true, true, true]);
  });

  it('comes again when its turn asks for it', async () => {
    let turns = 0;
    const lanes = open(() => Promise.resolve((turns += 1) < 3 ? 5 : undefined));
    lanes.wake(workspace, 'a', false);
    await waitFor('it has come three times', () => turns === 3);
  });

  it('waits while too many others run', async () => {
    const { open: letGo, passed } = gate();
    let running = 0;
    let most = 0;
    let done = 0;
    const lanes = open(
      async () => {
        running += 1;
        most = Math.max(most, running);
        await passed;
        running -= 1;
        done += 1;
        return undefined;
      },
      { concurrency: 2 },
    );
    for (const device of ['a', 'b', 'c', 'd']) lanes.wake(workspace, device, false);
    letGo();
    await waitFor('all are done', () => done === 4);
    expect(most).toBe(2);
  });
});
