import { describe, expect, it } from '@jest/globals';
import { newId } from '../../../kernel/ids/ids.js';

describe('an id', () => {
  it('is its prefix and 32 hexadecimal digits', () => {
    expect(newId('dev')).toMatch(/^dev_[0-9a-f]{32}$/);
  });

  it('sorts behind all that were made before it in this process, and is never the same', () => {
    const ids = Array.from({ length: 10_000 }, () => newId('evt'));
    expect(ids).toEqual([...ids].sort());
    expect(new Set(ids).size).toBe(ids.length);
  });
});
