/** A message of Protobuf, its fields by number. What is not there has the value that Protobuf gives it then. */
export interface Message {
  has(field: number): boolean;
  number(field: number): number;
  bytes(field: number): Buffer;
  text(field: number): string;
  messages(field: number): Message[];
}

/** Reads a message. Source: Protocol Buffers, "Encoding". Errors: RangeError when it is cut off. */
export function readMessage(buffer: Buffer): Message {
  const fields = new Map<number, (Buffer | bigint)[]>();
  let at = 0;

  function varint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = buffer.readUInt8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }

  function take(bytes: number): Buffer {
    if (at + bytes > buffer.length) throw new RangeError('the message is cut off');
    at += bytes;
    return buffer.subarray(at - bytes, at);
  }

  function value(wireType: number): Buffer | bigint {
    if (wireType === 0) return varint();
    if (wireType === 1) return take(8);
    if (wireType === 5) return take(4);
    return take(Number(varint()));
  }

  while (at < buffer.length) {
    const tag = Number(varint());
    const field = tag >> 3;
    fields.set(field, [...(fields.get(field) ?? []), value(tag & 7)]);
  }
  const all = (field: number) => fields.get(field) ?? [];
  const buffers = (field: number) => all(field).filter((one) => Buffer.isBuffer(one));
  return {
    has: (field) => fields.has(field),
    number: (field) => Number(all(field).find((one) => typeof one === 'bigint') ?? 0),
    bytes: (field) => buffers(field)[0] ?? Buffer.alloc(0),
    text: (field) => buffers(field)[0]?.toString('utf8') ?? '',
    messages: (field) => buffers(field).map(readMessage),
  };
}
