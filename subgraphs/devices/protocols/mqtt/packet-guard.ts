/** What passes that others want to know of. */
export interface PacketWatcher {
  onPuback(messageId: number): void;
  /** The client says goodbye: what ends now ends as it should. */
  onDisconnect(): void;
}

const PUBACK = 4;
const DISCONNECT = 14;

/**
 * Watches the frames of an MQTT stream as they pass, and tells when one is announced that is larger than is accepted:
 * before it is buffered, which a parser does with anything up to 256 MB.
 *
 * Source: MQTT 3.1.1, §2.2.3 (remaining length), §3.4 (PUBACK), §3.14 (DISCONNECT).
 */
export class PacketGuard {
  readonly #maxBytes: number;
  readonly #watcher: PacketWatcher | undefined;
  /** Bytes of the present frame's body that are still to come. */
  #body = 0;
  /** Whether the next byte belongs to the remaining length. */
  #inLength = false;
  #length = 0;
  #shift = 0;
  #type = 0;
  #messageId = 0;

  constructor(maxBytes: number, watcher?: PacketWatcher) {
    this.#maxBytes = maxBytes;
    this.#watcher = watcher;
  }

  /** Looks at the next bytes of the stream; false when a frame in them is too large or its length is malformed. */
  accepts(chunk: Uint8Array): boolean {
    let place = 0;
    while (place < chunk.length) {
      if (this.#body > 0) {
        const skipped = Math.min(this.#body, chunk.length - place);
        if (this.#type === PUBACK) this.#readPuback(chunk.subarray(place, place + skipped));
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
      this.#type = byte >> 4;
      this.#length = 0;
      this.#shift = 0;
      return true;
    }
    this.#length += (byte & 0x7f) * 2 ** this.#shift;
    this.#shift += 7;
    if (byte >= 0x80) return this.#shift < 28;
    this.#inLength = false;
    this.#body = this.#length;
    this.#messageId = 0;
    if (this.#type === DISCONNECT) this.#watcher?.onDisconnect();
    return this.#length <= this.#maxBytes;
  }

  /** Its body is the message id alone, most significant byte first; it may come in two pieces. */
  #readPuback(bytes: Uint8Array): void {
    for (const [index, byte] of bytes.entries()) {
      if (this.#body - index > 2) return;
      this.#messageId = this.#messageId * 256 + byte;
      if (this.#body - index === 1) this.#watcher?.onPuback(this.#messageId);
    }
  }
}
