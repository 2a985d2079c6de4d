import { describe, expect, it } from '@jest/globals';
import { placeAt } from '../../../dashboard/ui/place-at.js';

const PHONE = { width: 390, height: 844 };

describe('The text about a number', () => {
  it('hangs below its button', () => {
    const place = placeAt({ left: 100, top: 200, bottom: 225 }, { width: 1_440, height: 1_000 });
    expect(place).toMatchObject({ left: 100, top: 231, bottom: undefined });
  });

  it('stands above its button where there is more room', () => {
    const place = placeAt({ left: 100, top: 800, bottom: 825 }, { width: 1_440, height: 1_000 });
    expect(place).toMatchObject({ top: undefined, bottom: 206 });
  });

  it('keeps within a narrow window', () => {
    const { left, width, maxHeight, top = 0 } = placeAt({ left: 350, top: 300, bottom: 325 }, PHONE);
    expect(left).toBeGreaterThanOrEqual(0);
    expect(left + width).toBeLessThanOrEqual(PHONE.width);
    expect(top + maxHeight).toBeLessThanOrEqual(PHONE.height);
  });
});
