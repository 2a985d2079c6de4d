import { describe, expect, it } from '@jest/globals';
import { usualDistance, withGaps } from '../../../dashboard/ui/with-gaps.js';

const at = (...instants: number[]) => instants.map((instant) => ({ at: instant, value: 1 }));

describe('gaps of a plot', () => {
  it('are left where points lie too far apart, and nowhere else', () => {
    expect(withGaps(at(0, 10, 20, 100, 110), 25)).toEqual([
      ...at(0, 10, 20),
      { at: 45, value: null },
      ...at(100, 110),
    ]);
  });

  it('are none where there is nothing', () => {
    expect(withGaps([], 10)).toEqual([]);
    expect(withGaps(at(5), 10)).toEqual(at(5));
  });

  it('are measured by how far apart points usually are', () => {
    expect(usualDistance(at(0, 10, 20, 100, 110))).toBe(10);
    expect(usualDistance([])).toBe(0);
  });
});
