import type { Codec } from './codec.js';
import { refusePayload } from './refuse-payload.js';

/** The longest text: a double needs 24 characters, a name of a state has 63. */
const MAX_CHARACTERS = 64;
const NUMBER = /^[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?$/;

/**
 * Makes the codec of payloads that are one value as text: a number such as `21.5`, also with a comma or with white space
 * around it, or a word such as `ON`, `true` or the name of a state.
 *
 * @param property the metric that it is a value of.
 */
export function createPlainNumberCodec(property: string): Codec {
  return {
    kind: 'PLAIN_NUMBER',
    decode(payload) {
      const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
        .toString('utf8')
        .trim();
      if (text.length < 1 || text.length > MAX_CHARACTERS) {
        throw refusePayload(`expected one value of 1 to ${MAX_CHARACTERS} characters, got ${text.length}`);
      }
      if (NUMBER.test(text)) return [{ metric: property, value: Number(text.replace(',', '.')) }];
      // Whether it is a state or a yes or no is known where the metric is.
      if (/^[\p{L}\p{N}][\p{L}\p{N} ._-]*$/u.test(text)) return [{ metric: property, value: text }];
      throw refusePayload(`expected a number or a word, got ${JSON.stringify(text)}`);
    },
  };
}
