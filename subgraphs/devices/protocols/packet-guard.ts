/**
 * Watches the frames of an MQTT stream as they pass, and tells when one is announced that is larger than is accepted:
 * before it is buffered, which a parser does with anything up to 256 MB.
 *
 * Source: MQTT 3.1.1, §2.2.3 (remaining length).
 */
export class PacketGuard {
  readonly #maxBytes: number;
  /** Bytes of the present frame's body that are still to come. */
  #body = 0;
  /** Whether the next byte belongs to the remaining length. */
  #inLength = false;
  #length = 0;
  #shift = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Looks at the next bytes of the stream; false when a frame in them is too large or its length is malformed. */
  accepts(chunk: Uint8Array): boolean {
    let place = 0;
    while (place < chunk.length) {
      if (this.#body > 0) {
        const skipped = Math.min(this.#body, chunk.length - place);
        this.#body -= skipped;
        place += skipped;
      } else {
        if (!this.#header(chunk[place] ?? 0)) return false;
        place += 1;
      }
    }
    return true;
  }

  #header(byte: number): boolean {
    if (!this.#inLength) {
      this.#inLength = true;
      this.#length = 0;
      this.#shift = 0;
      return true;
    }
    this.#length += (byte & 0x7f) * 2 ** this.#shift;
    this.#shift += 7;
    if (byte >= 0x80) return this.#shift < 28;
    this.#inLength = false;
    this.#body = this.#length;
    return this.#length <= this.#maxBytes;
  }
}
