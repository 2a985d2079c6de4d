import { describe, expect, it } from '@jest/globals';
import { PushStream } from '../../../kernel/streams/push-stream.js';

describe('a push stream', () => {
  it('gives the reader whatever has gathered', async () => {
    const stream = new PushStream<number>({ capacity: 10, overflow: 'fail' });
    stream.push(1);
    stream.push(2);
    expect(await stream.take()).toEqual({ items: [1, 2], lost: false });
    const waiting = stream.take();
    stream.push(3);
    expect(await waiting).toEqual({ items: [3], lost: false });
  });

  it('drops everything when it is full, and says so with what comes next', async () => {
    const stream = new PushStream<number>({ capacity: 2, overflow: 'drop-all' });
    for (const n of [1, 2, 3]) expect(stream.push(n)).toBe(true);
    expect(await stream.take()).toEqual({ items: [], lost: true });
    stream.push(4);
    expect(await stream.take()).toEqual({ items: [4], lost: false });
  });

  it('ends with an error when it is full and may not drop, after what was waiting', async () => {
    const stream = new PushStream<number>({ capacity: 1, overflow: 'fail' });
    stream.push(1);
    expect(stream.push(2)).toBe(false);
    expect(await stream.take()).toEqual({ items: [1], lost: false });
    await expect(stream.take()).rejects.toThrow('a reader fell more than 1 items behind');
  });

  it('wakes the reader with word of a loss', async () => {
    const stream = new PushStream<number>({ capacity: 2, overflow: 'fail' });
    const waiting = stream.take();
    stream.markLost();
    expect(await waiting).toEqual({ items: [], lost: true });
  });

  it('gives what is waiting before its end, and takes nothing more', async () => {
    let closed = 0;
    const stream = new PushStream<number>({ capacity: 2, overflow: 'fail', onClose: () => (closed += 1) });
    stream.push(1);
    stream.end();
    stream.end(new Error('too late'));
    expect(stream.push(2)).toBe(false);
    stream.markLost();
    expect(await stream.take()).toEqual({ items: [1], lost: false });
    expect(await stream.take()).toBeUndefined();
    expect(closed).toBe(1);
  });

  it('lets a waiting reader go at its end', async () => {
    const stream = new PushStream<number>({ capacity: 2, overflow: 'fail' });
    const waiting = stream.take();
    stream.end();
    expect(await waiting).toBeUndefined();
  });
});
