/**
 * The data of a response that is JSON text already. Whoever writes it takes the text; whoever reads it, or has it written
 * by `JSON.stringify`, gets the values.
 */
export class WrittenData {
  readonly text: string;
  #response: Buffer | undefined;
  #values: Record<string, unknown> | undefined;

  constructor(text: string) {
    this.text = text;
  }

  /** A response that is nothing but this: made once for all who get it. */
  get response(): Buffer {
    return (this.#response ??= Buffer.from(`{"data":${this.text}}`));
  }

  toJSON(): Record<string, unknown> {
    return (this.#values ??= JSON.parse(this.text) as Record<string, unknown>);
  }
}

/** Written data where the type of a result asks for an object. Whoever knows of the other form takes the text. */
export function asData(written: WrittenData): Record<string, unknown> {
  return written as unknown as Record<string, unknown>;
}

/** A result as JSON text. */
export function writeResult(result: {
  readonly data?: unknown;
  readonly errors?: unknown;
  readonly extensions?: unknown;
}): string {
  if (!(result.data instanceof WrittenData)) return JSON.stringify(result);
  const { data, ...rest } = result;
  const others = JSON.stringify(rest);
  return others === '{}' ? `{"data":${data.text}}` : `${others.slice(0, -1)},"data":${data.text}}`;
}

/** The data of a result as values. */
export function readData<Data>(data: Data): Data {
  return data instanceof WrittenData ? (data.toJSON() as Data) : data;
}
