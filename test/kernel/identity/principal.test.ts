import { describe, expect, it } from '@jest/globals';
import { DEFAULT_WORKSPACE, parseWorkspaceId } from '../../../kernel/identity/principal.js';

describe('the name of a workspace', () => {
  it.each(['default', 'a', '0', 'my-garden-2', 'x'.repeat(63)])('may be %j', (name) => {
    expect(parseWorkspaceId(name)).toBe(name);
  });

  it.each(['', '-a', 'A', 'a/b', 'a+b', '#', 'a b', 'ä', 'a\n', 'x'.repeat(64)])('may not be %j', (name) => {
    expect(parseWorkspaceId(name)).toBeUndefined();
  });

  it('is good for the one that nobody named', () => {
    expect(parseWorkspaceId('default')).toBe(DEFAULT_WORKSPACE);
  });
});
