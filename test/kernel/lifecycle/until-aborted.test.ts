import { describe, expect, it } from '@jest/globals';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { untilAborted } from '../../../kernel/lifecycle/until-aborted.js';

describe('work that may be aborted', () => {
  it('gives what it gives as long as it is not', async () => {
    const { signal } = new AbortController();
    await expect(untilAborted(Promise.resolve(5), signal)).resolves.toBe(5);
    await expect(untilAborted(Promise.reject(new Error('no')), signal)).rejects.toThrow('no');
  });

  it('is not waited for once it is: the error is CANCELLED, or the reason where that has a code', async () => {
    const leaving = new AbortController();
    const waiting = untilAborted(new Promise(() => undefined), leaving.signal);
    leaving.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' });
    const late = AbortSignal.abort(new AegisError('UPSTREAM_TIMEOUT', 'too late.'));
    await expect(untilAborted(Promise.resolve(5), late)).rejects.toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
  });

  it('hears no error of work that nobody waits for', async () => {
    const failing = Promise.reject(new Error('nobody waits for this'));
    await expect(untilAborted(failing, AbortSignal.abort())).rejects.toMatchObject({ code: 'CANCELLED' });
    await new Promise(setImmediate);
  });
});
