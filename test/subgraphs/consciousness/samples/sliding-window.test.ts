import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SlidingWindow } from '../../../../subgraphs/consciousness/samples/sliding-window.js';

const open = () => new SlidingWindow({ capacity: 4, longestHold: 2 });

function fill(window: SlidingWindow, pushes: readonly (readonly [number, number])[]): number[] {
  for (const [tick, value] of pushes) window.push(tick, value);
  return [...window.toArray()];
}

describe('a sliding window', () => {
  it('is empty at first', () => {
    expect(fill(open(), [])).toEqual([]);
  });

  it('keeps the newest values, oldest first', () => {
    const ticks = [1_769_860_800, 1_769_860_801, 1_769_860_802, 1_769_860_803, 1_769_860_804];
    expect(
      fill(
        open(),
        ticks.map((tick, value) => [tick, value]),
      ),
    ).toEqual([1, 2, 3, 4]);
  });

  it('holds the value before where ticks are missing', () => {
    expect(
      fill(open(), [
        [1, 10],
        [4, 40],
      ]),
    ).toEqual([10, 10, 10, 40]);
  });

  it('begins anew where too many are missing', () => {
    expect(
      fill(open(), [
        [1, 10],
        [5, 50],
        [6, 60],
      ]),
    ).toEqual([50, 60]);
  });

  it('keeps to its capacity when it holds for longer than that', () => {
    const window = new SlidingWindow({ capacity: 3, longestHold: 100 });
    expect(
      fill(window, [
        [1, 10],
        [2, 20],
        [50, 30],
      ]),
    ).toEqual([20, 20, 30]);
  });

  it('ignores a tick that it has had or that lies behind', () => {
    expect(
      fill(open(), [
        [5, 1],
        [5, 2],
        [4, 3],
      ]),
    ).toEqual([1]);
  });

  it('always ends with the value pushed last and never exceeds its capacity', () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.double({ noNaN: true })), {
      minLength: 1,
    });
    fc.assert(
      fc.property(steps, (pushes) => {
        let tick = 0;
        const values = fill(
          open(),
          pushes.map(([step, value]) => [(tick += step), value]),
        );
        expect(values.length).toBeLessThanOrEqual(4);
        expect(values.at(-1)).toBe(pushes.at(-1)?.[1]);
      }),
    );
  });
});
