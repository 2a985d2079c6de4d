import { afterAll, describe, expect, it } from '@jest/globals';
import { encode } from 'cborg';
import { createCodecs } from '../../../../subgraphs/devices/codecs/codecs.js';
import { encodeSparkplug } from '../../../../subgraphs/devices/codecs/sparkplug/encode-sparkplug.js';
import type { Profile, ProfileCodec } from '../../../../subgraphs/devices/profiles/profile.js';
import type { KnownDevice } from '../../../../subgraphs/devices/readings/known-devices.js';

const codecs = createCodecs();
afterAll(() => codecs.close());

const METRIC = { unit: '1', minimum: null, maximum: null };

function deviceWith(codec: ProfileCodec | undefined): KnownDevice {
  const profile = codec && ({ codec, properties: [{ name: 'a' }, { name: 'b' }] } as unknown as Profile);
  return {
    id: 'dev_1',
    name: 'one',
    labels: {},
    metrics: new Map([
      ['a', METRIC],
      ['b', METRIC],
    ]),
    profile,
  };
}

async function decode(
  codec: ProfileCodec | undefined,
  contentType: string | undefined,
  payload: Uint8Array | string,
) {
  const message = { payload: Buffer.from(payload), contentType };
  return codecs.decode(message, deviceWith(codec), { arrivedAtUs: 1 });
}

const A = [{ metric: 'a', value: 1 }];
const JSON_A = '{"a":1}';
const SENML = '[{"n":"urn:dev:1:a","v":1}]';
const SPARKPLUG = encodeSparkplug({ metrics: [{ name: 'a', value: { kind: 'NUMBER', value: 1 } }] });
const MAPPED: ProfileCodec = { kind: 'JSONATA', expression: '{ "a": x }' };

describe('choosing a codec', () => {
  it.each<[string | undefined, Uint8Array | string]>([
    [undefined, JSON_A],
    ['application/json', JSON_A],
    ['Application/JSON; charset=utf-8', JSON_A],
    ['application/octet-stream', JSON_A],
    ['text/plain', JSON_A],
    ['application/cbor', encode({ a: 1 })],
    ['application/senml+json', SENML],
    [
      'application/senml+cbor',
      encode([
        new Map<number, unknown>([
          [0, 'a'],
          [2, 1],
        ]),
      ]),
    ],
    ['application/vnd.eclipse.sparkplug.b', SPARKPLUG],
  ])('goes by the media type %s of a device without a profile', async (contentType, payload) => {
    expect(await decode(undefined, contentType, payload)).toEqual(A);
  });

  it.each<[ProfileCodec, Uint8Array | string]>([
    [{ kind: 'JSON' }, JSON_A],
    [{ kind: 'CBOR' }, encode({ a: 1 })],
    [{ kind: 'SENML_JSON' }, SENML],
    [
      { kind: 'SENML_CBOR' },
      encode([
        new Map<number, unknown>([
          [0, 'a'],
          [2, 1],
        ]),
      ]),
    ],
    [{ kind: 'SPARKPLUG_B' }, SPARKPLUG],
    [{ kind: 'PLAIN_NUMBER' }, ' 1 '],
    [{ kind: 'PLAIN_NUMBER', property: 'a' }, '1'],
    [MAPPED, '{"x":1}'],
  ])('goes by the profile %j where a message says nothing', async (codec, payload) => {
    expect(await decode(codec, undefined, payload)).toEqual(A);
    expect(await decode(codec, 'application/octet-stream', payload)).toEqual(A);
  });

  it('goes by the media type before the profile, unless that has JSON of its own', async () => {
    expect(await decode({ kind: 'CBOR' }, 'application/json', JSON_A)).toEqual(A);
    expect(await decode(MAPPED, 'application/cbor', encode({ a: 1 }))).toEqual(A);
    expect(await decode(MAPPED, 'application/json', '{"x":1}')).toEqual(A);
    expect(await decode({ kind: 'SENML_JSON' }, 'application/json', SENML)).toEqual(A);
  });

  it('refuses media types of others, naming those that are taken', async () => {
    await expect(decode(undefined, 'image/png', JSON_A)).rejects.toThrow(
      /expected one of the media types application\/json, application\/cbor, .* or none, got "image\/png"/,
    );
  });
});

describe('a plain number', () => {
  it.each([
    ['21.5', 21.5],
    [' 21,5\r\n', 21.5],
    ['-3e2', -300],
    ['+.5', 0.5],
    ['ON', 'ON'],
    ['Fault 2', 'Fault 2'],
  ])('is read from %j', async (text, value) => {
    expect(await decode({ kind: 'PLAIN_NUMBER' }, undefined, text)).toEqual([{ metric: 'a', value }]);
  });

  it.each(['', '  ', '{"a":1}', '1 2 3!', '0x10;', 'x'.repeat(65)])('is not %j', async (text) => {
    await expect(decode({ kind: 'PLAIN_NUMBER' }, undefined, text)).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
    });
  });
});
