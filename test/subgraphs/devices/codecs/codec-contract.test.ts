import { encode } from 'cborg';
import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { cborCodec } from '../../../../subgraphs/devices/codecs/cbor-codec.js';
import type { Codec, RawReading } from '../../../../subgraphs/devices/codecs/codec.js';
import { jsonCodec } from '../../../../subgraphs/devices/codecs/json-codec.js';
import { createJsonataCodec } from '../../../../subgraphs/devices/codecs/jsonata/jsonata-codec.js';
import { createMappingWorker } from '../../../../subgraphs/devices/codecs/jsonata/mapping-worker.js';
import { createPlainNumberCodec } from '../../../../subgraphs/devices/codecs/plain-number-codec.js';
import { senmlCborCodec, senmlJsonCodec } from '../../../../subgraphs/devices/codecs/senml/senml-codec.js';
import { encodeSparkplug } from '../../../../subgraphs/devices/codecs/sparkplug/encode-sparkplug.js';
import { sparkplugCodec } from '../../../../subgraphs/devices/codecs/sparkplug/sparkplug-codec.js';

const worker = createMappingWorker();
afterAll(() => worker.close());

const CONTEXT = { arrivedAtUs: Date.UTC(2026, 0, 31, 12) * 1_000 };

const json = (value: unknown) => Buffer.from(JSON.stringify(value));

interface Subject {
  readonly codec: Codec;
  /** A payload of so many values of `temperature`, each of them `value`. */
  readonly encode: (value: number, count: number) => Uint8Array;
  /** Whether a payload can hold several values. */
  readonly several: boolean;
  /** Payloads that are too deep to be right. */
  readonly deep: readonly Uint8Array[];
  readonly runs: number;
}

const DEEP_JSON = [Buffer.from('['.repeat(60_000)), Buffer.from('['.repeat(60_000) + ']'.repeat(60_000))];
const DEEP_CBOR = [Buffer.alloc(60_000, 0x81), Buffer.alloc(60_000, 0x9f), Buffer.alloc(60_000, 0xd8)];
/** Lists and texts that say to be far longer than the payload. */
const LYING_CBOR = [
  Buffer.from('9bffffffffffffffff', 'hex'),
  Buffer.from('9a7fffffff', 'hex'),
  Buffer.from('bb7fffffffffffffff', 'hex'),
  Buffer.from('5a7fffffff', 'hex'),
  Buffer.from('7b00000000ffffffff', 'hex'),
];

const list = (value: number, count: number) => Array.from({ length: count }, () => ({ temperature: value }));
const senml = (value: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({ n: 'temperature', v: value, t: -index - 1 }));
const senmlMaps = (value: number, count: number) =>
  senml(value, count).map(
    ({ n, v, t }) =>
      new Map<number, unknown>([
        [0, n],
        [2, v],
        [6, t],
      ]),
  );

const SUBJECTS: readonly Subject[] = [
  {
    codec: jsonCodec,
    encode: (value, count) => json(list(value, count)),
    several: true,
    deep: DEEP_JSON,
    runs: 1_000,
  },
  {
    codec: cborCodec,
    encode: (value, count) => encode(list(value, count)),
    several: true,
    deep: [...DEEP_CBOR, ...LYING_CBOR],
    runs: 1_000,
  },
  {
    codec: senmlJsonCodec,
    encode: (value, count) => json(senml(value, count)),
    several: true,
    deep: DEEP_JSON,
    runs: 1_000,
  },
  {
    codec: senmlCborCodec,
    encode: (value, count) => encode(senmlMaps(value, count)),
    several: true,
    deep: [...DEEP_CBOR, ...LYING_CBOR],
    runs: 1_000,
  },
  {
    codec: sparkplugCodec,
    encode: (value, count) =>
      encodeSparkplug({
        metrics: Array.from({ length: count }, () => ({
          name: 'temperature',
          datatype: 10,
          value: { kind: 'NUMBER', value },
        })),
      }),
    several: true,
    deep: [Buffer.alloc(60_000, 0x0b), Buffer.alloc(60_000, 0x12)],
    runs: 1_000,
  },
  {
    codec: createPlainNumberCodec('temperature'),
    encode: (value) => Buffer.from(String(value)),
    several: false,
    deep: [Buffer.alloc(60_000, 0x31)],
    runs: 1_000,
  },
  {
    codec: createJsonataCodec('$', worker),
    encode: (value, count) => json(list(value, count)),
    several: true,
    deep: DEEP_JSON,
    runs: 200,
  },
];

async function take(codec: Codec, payload: Uint8Array): Promise<RawReading[] | AegisError> {
  try {
    return await codec.decode(payload, CONTEXT);
  } catch (error) {
    if (error instanceof AegisError) return error;
    throw error;
  }
}

function expectReadings(taken: RawReading[] | AegisError): void {
  if (taken instanceof AegisError) {
    expect(['BAD_USER_INPUT', 'PAYLOAD_TOO_LARGE']).toContain(taken.code);
    expect(taken.message).toMatch(/^telemetry: /);
    expect(taken.message.length).toBeLessThan(600);
    return;
  }
  for (const { metric, value, measuredAtUs } of taken) {
    expect(typeof metric).toBe('string');
    expect(['number', 'string', 'boolean']).toContain(typeof value);
    expect(['number', 'undefined']).toContain(typeof measuredAtUs);
  }
}

describe.each(SUBJECTS.map((subject) => [subject.codec.kind, subject] as const))(
  'the codec %s',
  (_kind, subject) => {
    const { codec, several, deep, runs } = subject;

    it('gives back every finite value as it was sent', async () => {
      await fc.assert(
        fc.asyncProperty(fc.double({ noNaN: true, noDefaultInfinity: true }), async (value) => {
          const taken = await codec.decode(subject.encode(value, 1), CONTEXT);
          expect(taken).toHaveLength(1);
          // JSON and texts have one zero.
          expect(taken[0]).toMatchObject({ metric: 'temperature' });
          expect(Number(taken[0]?.value) === value).toBe(true);
        }),
        { numRuns: 200 },
      );
    });

    it('bounds the entries of one payload', async () => {
      if (!several) return;
      expect(await codec.decode(subject.encode(1, 1_000), CONTEXT)).toHaveLength(1_000);
      expect(await take(codec, subject.encode(1, 1_001))).toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
    });

    it('refuses an empty payload', async () => {
      const taken = await take(codec, new Uint8Array());
      // A payload of Protobuf without a byte has no metrics, which is refused where values are counted.
      if (codec.kind === 'SPARKPLUG_B') expect(taken).toEqual([]);
      else expect(taken).toMatchObject({ code: 'BAD_USER_INPUT' });
    });

    it.each(deep.map((payload, index) => [index, payload] as const))(
      'refuses what is too deep or longer than it is, %i',
      async (_index, payload) => {
        expectReadings(await take(codec, payload));
        expect(await take(codec, payload)).toBeInstanceOf(AegisError);
      },
    );

    it('never throws anything but a coded refusal, whatever the bytes', async () => {
      const good = fc.double({ noNaN: true }).map((value) => subject.encode(value, 3));
      const broken = fc
        .tuple(good, fc.nat(), fc.nat({ max: 255 }), fc.nat())
        .map(([bytes, place, byte, length]) => {
          const copy = Uint8Array.from(bytes).subarray(0, 1 + (length % bytes.length));
          copy[place % copy.length] = byte;
          return copy;
        });
      const any = fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => Buffer.from(text)),
        broken,
      );
      await fc.assert(
        fc.asyncProperty(any, async (payload) => {
          expectReadings(await take(codec, payload));
        }),
        { numRuns: runs },
      );
    });
  },
);
