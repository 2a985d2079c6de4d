import { describe, expect, it } from '@jest/globals';
import { createIdentify, parseApiKeys } from '../../../kernel/identity/api-keys.js';
import { DEFAULT_WORKSPACE, parseWorkspaceId } from '../../../kernel/identity/principal.js';

const KEY = 'abcdefghijklmnopqrstuvwx';
const OTHER_KEY = 'ABCDEFGHIJKLMNOPQRSTUVWX+/==';

describe('API keys', () => {
  it('open the default workspace, or the one they name', () => {
    const identify = createIdentify(parseApiKeys(` ${KEY} , garden:${OTHER_KEY},`));
    expect(identify({ token: KEY })).toEqual({
      subject: expect.stringMatching(/^key-[0-9a-f]{8}$/),
      workspace: DEFAULT_WORKSPACE,
      roles: ['admin'],
    });
    expect(identify({ token: OTHER_KEY })?.workspace).toBe('garden');
  });

  it.each([undefined, '', 'x', KEY.slice(1), `${KEY}x`, `garden:${OTHER_KEY}`])(
    'let nobody in with %j',
    (token) => {
      expect(createIdentify(parseApiKeys(`${KEY},garden:${OTHER_KEY}`))({ token })).toBeUndefined();
    },
  );

  it('let nobody in without one, even where everybody would be while there are none', () => {
    const openWorkspace = DEFAULT_WORKSPACE;
    expect(createIdentify(parseApiKeys(KEY), { openWorkspace })({})).toBeUndefined();
  });

  it('are not needed while there are none and a workspace is open', () => {
    const openWorkspace = parseWorkspaceId('garden');
    const identify = createIdentify([], { openWorkspace });
    expect(identify({})).toEqual({ subject: 'anybody', workspace: 'garden', roles: ['admin'] });
    expect(identify({ token: 'whatever' })).toEqual(identify({}));
    expect(createIdentify([])({})).toBeUndefined();
  });

  it('are refused with every mistake at once, and never shown', () => {
    const text = `short,${KEY},No Good:${OTHER_KEY},${KEY},has spaces in the middle of it`;
    expect(() => parseApiKeys(text)).toThrow(
      /^key 1: expected 24 to 256 .* got 5 characters.*\nkey 3: expected a workspace.*\nkey 4: expected each key once.*\nkey 5: /,
    );
    expect(() => parseApiKeys(text)).not.toThrow(/short|spaces|abcdef|ABCDEF|No Good/);
  });

  it('may be none at all', () => {
    expect(parseApiKeys('')).toEqual([]);
  });

  it('are not kept, only their digests', () => {
    expect(JSON.stringify(parseApiKeys(KEY))).not.toMatch(KEY);
  });
});
