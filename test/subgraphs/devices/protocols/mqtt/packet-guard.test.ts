import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PacketGuard } from '../../../../../subgraphs/devices/protocols/mqtt/packet-guard.js';

/** A frame of MQTT with a body of so many bytes. */
function frame(bodyBytes: number): Buffer {
  const length: number[] = [];
  let rest = bodyBytes;
  do {
    length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>= 7;
  } while (rest > 0);
  return Buffer.concat([Buffer.from([0x30, ...length]), Buffer.alloc(bodyBytes, 0xff)]);
}

describe('the packet guard', () => {
  it('lets packets of up to the limit pass, however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(300), { minLength: 1 }), fc.integer({ min: 1, max: 50 }), (sizes, cut) => {
        const guard = new PacketGuard(300);
        const stream = Buffer.concat(sizes.map(frame));
        for (let at = 0; at < stream.length; at += cut)
          expect(guard.accepts(stream.subarray(at, at + cut))).toBe(true);
      }),
    );
  });

  it('refuses a larger packet by its header alone', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(300)), fc.integer({ min: 301, max: 20_000 }), (sizes, tooLarge) => {
        const guard = new PacketGuard(300);
        expect(guard.accepts(Buffer.concat(sizes.map(frame)))).toBe(true);
        expect(guard.accepts(frame(tooLarge).subarray(0, 4))).toBe(false);
      }),
    );
  });

  it('refuses a length of more than four bytes', () => {
    expect(new PacketGuard(1_000_000).accepts(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 0x01]))).toBe(false);
  });
});
