/** One event as it goes to all clients: written as JSON once, and framed once for each protocol. */
export class EventBytes {
  /** The event as a GraphQL response. */
  readonly json: Buffer;
  /** When it was complete, by `performance.now()`. */
  readonly readyAt: number;
  /** By protocol. */
  readonly #framed: Record<string, Buffer> = {};

  constructor(json: string, readyAt: number) {
    this.json = Buffer.from(json);
    this.readyAt = readyAt;
  }

  /** The event between what a protocol puts before and behind it. */
  framed(protocol: string, frame: (json: Buffer) => Buffer): Buffer {
    const known = this.#framed[protocol];
    if (known) return known;
    const bytes = frame(this.json);
    this.#framed[protocol] = bytes;
    return bytes;
  }
}
