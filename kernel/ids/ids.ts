import { uuidv7 } from 'uuidv7';

/** Makes a new opaque id such as `dev_0192f…`: a type prefix and a time-ordered UUID (RFC 9562, version 7). */
export function newId(prefix: string): string {
  return `${prefix}_${uuidv7().replaceAll('-', '')}`;
}
