import type { Reading } from '../devices/documents.js';

/** What the page asks of the process itself. It is checked against the schema by a test. */
export const SYSTEM = `query System {
  devices(first: 1, filter: { name: "aegis" }) {
    edges { node { id latest { metric value unit measuredAt } } }
  }
}`;

/** The device that the process is to itself. */
export interface SystemDevice {
  readonly id: string;
  readonly latest: readonly Reading[];
}

/** The answer to {@link SYSTEM}. */
export interface SystemAnswer {
  readonly devices: { readonly edges: readonly { readonly node: SystemDevice }[] };
}
