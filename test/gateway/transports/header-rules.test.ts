import { describe, expect, it } from '@jest/globals';
import { createHeaderRules, HeaderRulesInvalid } from '../../../gateway/transports/header-rules.js';

const VARIABLES: Readonly<Record<string, string>> = { SHOP_KEY: 'the secret', BROKEN: 'two\nlines' };

function open(given: unknown, reserved: readonly string[] = []) {
  return createHeaderRules(given, { variable: (name) => VARIABLES[name], reserved });
}

/** What a subgraph gets of what a client presents. */
function forward(given: unknown, headers: Record<string, unknown>, parameters?: Record<string, unknown>) {
  const rules = open(given);
  return rules.headersFor('shop', rules.pick(headers, parameters));
}

function mistakesOf(given: unknown, reserved: readonly string[] = []): readonly string[] {
  try {
    open(given, reserved);
    return [];
  } catch (error) {
    if (error instanceof HeaderRulesInvalid) return error.mistakes;
    throw error;
  }
}

describe('rules for headers', () => {
  it('forward by name, under another name, by pattern and with a default, and nothing else', () => {
    const all = [
      { forward: 'Accept-Language' },
      { forward: 'x-user', as: 'x-client-user' },
      { forward: { matching: '^x-tenant-' } },
      { forward: 'x-channel', default: 'web' },
    ];
    const presented = {
      'accept-language': 'de',
      'x-user': 'anna',
      'x-tenant-id': '7',
      cookie: 'session=1',
      authorization: 'Bearer a',
    };
    expect(forward({ all }, presented)).toEqual({
      'accept-language': 'de',
      'x-client-user': 'anna',
      'x-tenant-id': '7',
      'x-channel': 'web',
    });
  });

  it('tell which headers a subgraph may get, whether or not a client sends them', () => {
    const given = {
      all: [
        { forward: 'Accept-Language' },
        { forward: 'x-user', as: 'x-client-user' },
        { forward: { matching: '^(x-tenant-|authorization|cookie)' } },
      ],
      subgraphs: {
        shop: [{ insert: 'x-key', fromEnv: 'SHOP_KEY' }, { remove: 'accept-language' }],
        stock: [{ insert: 'x-stock', value: '1' }],
      },
    };
    const { mayGive } = open(given, ['authorization']);
    const names = ['accept-language', 'x-client-user', 'x-tenant-id', 'cookie', 'x-key'];
    expect(names.filter((name) => mayGive('shop', name))).toEqual(names);
    expect(['x-user', 'authorization', 'x-stock', 'origin'].filter((name) => mayGive('shop', name))).toEqual(
      [],
    );
    expect(mayGive('stock', 'x-stock')).toBe(true);
    expect(mayGive('constructor', 'x-key')).toBe(false);
  });

  it('insert constants and variables, and remove what earlier ones put in', () => {
    const given = {
      all: [
        { forward: { matching: '^x-' } },
        { insert: 'x-gateway', value: 'aegis' },
        { remove: 'x-debug' },
        { remove: { matching: '^x-internal' } },
      ],
      subgraphs: { shop: [{ insert: 'x-key', fromEnv: 'SHOP_KEY' }, { remove: 'x-gateway' }] },
    };
    const rules = open(given);
    const picked = rules.pick({ 'x-debug': '1', 'x-internal-id': '2', 'x-a': '3' });
    expect(rules.headersFor('shop', picked)).toEqual({ 'x-a': '3', 'x-key': 'the secret' });
    expect(rules.headersFor('stock', picked)).toEqual({ 'x-a': '3', 'x-gateway': 'aegis' });
    expect(rules.headersFor('stock', undefined)).toEqual({ 'x-gateway': 'aegis' });
  });

  it('never forward what belongs to a connection or frames a message, whatever they say', () => {
    const presented = {
      connection: 'keep-alive, x-hop',
      'keep-alive': 'timeout=5',
      'transfer-encoding': 'chunked',
      'content-length': '7',
      'content-type': 'text/plain',
      host: 'here',
      te: 'trailers',
      upgrade: 'websocket',
      'sec-websocket-key': 'k',
      traceparent: '00-',
      'x-hop': 'by hop',
      'x-broken': 'two\r\nlines',
      'x-list': ['a', 'b'],
      'x-a': 'a',
    };
    expect(forward({ all: [{ forward: { matching: '.*' } }] }, presented)).toEqual({ 'x-a': 'a' });
  });

  it('take the parameters of a socket only where they say so, and never in place of a header', () => {
    const all = [{ forward: 'authorization', connectionParams: true }, { forward: 'x-user' }];
    expect(forward({ all }, {}, { Authorization: 'Bearer a', 'x-user': 'anna', other: 1 })).toEqual({
      authorization: 'Bearer a',
    });
    expect(forward({ all }, { authorization: 'Bearer b' }, { authorization: 'Bearer a' })).toEqual({
      authorization: 'Bearer b',
    });
  });

  it('pick nothing where nothing is forwarded', () => {
    expect(open({ all: [{ insert: 'a', value: 'b' }] }).pick({ a: '1' })).toBeUndefined();
    expect(open({ all: [{ forward: 'a' }] }).pick({ b: '1' })).toBeUndefined();
  });

  it.each([
    [{ all: [{ forward: 'a' }, { forwards: 'b' }] }, 'all[1]: expected { forward: name'],
    [{ subgraphs: { shop: [{ insert: 'a b', value: 'c' }] } }, 'subgraphs.shop[0]'],
    [{ all: [{ forward: { matching: '(' } }] }, 'all[0]'],
    [{ rules: [] }, 'the rules: Unrecognized key'],
    ['forward everything', 'the rules: '],
    [{ all: [{ forward: 'Content-Length' }] }, 'all[0]: the header content-length is the gateway'],
    [{ all: [{ forward: 'x-a', as: 'host' }] }, 'all[0]: the header host is'],
    [{ all: [{ insert: 'sec-fetch-site', value: 'none' }] }, 'all[0]: the header sec-fetch-site is'],
    [{ all: [{ insert: 'x-a', value: 'two\nlines' }] }, 'all[0]'],
    [{ all: [{ insert: 'x-a', fromEnv: 'NOWHERE' }] }, 'all[0]: expected the variable NOWHERE'],
    [{ all: [{ insert: 'x-a', fromEnv: 'BROKEN' }] }, 'all[0]: the variable BROKEN holds characters'],
  ])('are refused where they are wrong, naming the entry: %j', (given, message) => {
    const mistakes = mistakesOf(given);
    expect(mistakes).toEqual([expect.stringContaining(message)]);
    expect(mistakes.join()).not.toContain('two\nlines');
  });

  it('do not write what the gateway says itself', () => {
    expect(mistakesOf({ all: [{ forward: 'authorization' }] }, ['authorization'])).toHaveLength(1);
    expect(mistakesOf({ all: [{ forward: 'authorization' }] })).toEqual([]);
  });
});
