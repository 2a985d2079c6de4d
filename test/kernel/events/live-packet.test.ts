import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodePacket, encodePacket, isFrom, packMessages } from '../../../kernel/events/live-packet.js';
import { createPacketCounter } from '../../../kernel/events/packet-counter.js';

const ORIGIN = '0123456789abcdef';

describe('packets of live messages', () => {
  it('hold all messages in their order, each within its bound, and no more packets than it takes', () => {
    const maxBytes = 200;
    fc.assert(
      fc.property(fc.array(fc.jsonValue({ maxDepth: 1, stringUnit: 'binary' })), (values) => {
        const messages = values.filter((value) => Buffer.byteLength(JSON.stringify(value)) < 100);
        const packets = packMessages(messages, maxBytes).map((body) =>
          encodePacket(ORIGIN, 9_007_199_254_740_991, body),
        );
        expect(packets.flatMap((packet) => decodePacket(packet)?.messages ?? ['lost'])).toEqual(
          JSON.parse(JSON.stringify(messages)),
        );
        for (const packet of packets) expect(Buffer.byteLength(packet)).toBeLessThanOrEqual(maxBytes);
        for (const [index, packet] of packets.slice(1).entries()) {
          const before = Buffer.byteLength(packets[index] ?? '');
          const first = Buffer.byteLength(JSON.stringify(decodePacket(packet)?.messages[0]));
          expect(before + first + 1).toBeGreaterThan(maxBytes - 2);
        }
      }),
    );
  });

  it('refuse what has no JSON', () => {
    expect(() => packMessages([undefined], 100)).toThrow(
      /expected a live message to be a JSON value, got undefined/,
    );
    expect(() => packMessages([1n], 100)).toThrow(TypeError);
  });

  it.each([
    '',
    'x',
    `${ORIGIN} 0 []`,
    `${ORIGIN} 1 {}`,
    `${ORIGIN} 1 [`,
    `${ORIGIN} 1 [}]`,
    'g123456789abcdef 1 []',
  ])('are not: %j', (payload) => {
    expect(decodePacket(payload)).toBeUndefined();
  });

  it('are known by their origin', () => {
    expect(isFrom(ORIGIN, encodePacket(ORIGIN, 1, '[]'))).toBe(true);
    expect(isFrom(ORIGIN, encodePacket('fedcba9876543210', 1, '[]'))).toBe(false);
  });
});

describe('the count of packets', () => {
  const packet = (origin: string, number: number) => ({ origin, number, messages: [] });

  it('notices a packet that is missing, for each origin and channel', () => {
    const counter = createPacketCounter();
    const arrivals: readonly (readonly [string, string, number])[] = [
      ['x', 'a', 1],
      ['x', 'a', 2],
      ['x', 'b', 1],
      ['y', 'a', 1],
      ['x', 'a', 4],
      ['x', 'a', 5],
    ];
    expect(
      arrivals.map(([channel, origin, number]) => counter.isNext(channel, packet(origin, number))),
    ).toEqual([true, true, true, true, false, true]);
  });

  it('trusts no origin that it meets in the middle', () => {
    expect(createPacketCounter().isNext('x', packet('a', 7))).toBe(false);
  });

  it('forgets with the channel, and the origins that are longest silent', () => {
    const counter = createPacketCounter();
    counter.isNext('x', packet('a', 1));
    counter.forget('x');
    expect(counter.isNext('x', packet('a', 2))).toBe(false);
    for (let n = 0; n < 256; n += 1) counter.isNext('x', packet(`other-${n}`, 1));
    expect(counter.isNext('x', packet('a', 3))).toBe(false);
    expect(counter.isNext('x', packet('other-255', 2))).toBe(true);
  });
});
