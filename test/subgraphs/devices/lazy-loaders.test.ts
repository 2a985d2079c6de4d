import { describe, expect, it } from '@jest/globals';
import { DEFAULT_WORKSPACE } from '../../../kernel/identity/principal.js';
import { continueTrace } from '../../../kernel/telemetry/trace-context.js';
import { createLazyContexts } from '../../../subgraphs/devices/lazy-loaders.js';

const REQUEST = {
  principal: { subject: 'test', workspace: DEFAULT_WORKSPACE, roles: [] },
  trace: continueTrace(undefined),
};

describe('a lazy context', () => {
  function create() {
    const made: string[] = [];
    const createContext = createLazyContexts<{ readonly one: object; readonly other: object }>([
      () => {
        made.push('one');
        return { one: {} };
      },
      () => {
        made.push('other');
        return { other: {} };
      },
    ]);
    made.length = 0;
    return { context: createContext(REQUEST), made };
  }

  it('makes what is asked for, once', () => {
    const { context, made } = create();
    expect(context.one).toBe(context.one);
    expect(made).toEqual(['one']);
    expect(context.principal).toBe(REQUEST.principal);
  });

  it('can be copied as Apollo Server copies contexts, and shares its loaders with the copy', () => {
    const { context } = create();
    const prototype = Object.getPrototypeOf(context) as object;
    const copy = Object.assign(Object.create(prototype) as typeof context, context);
    expect(copy.other).toBe(context.other);
    expect(copy.principal).toBe(REQUEST.principal);
  });
});
