import { createHash } from 'node:crypto';

/** The names of tools, each of which there may be once. */
export interface ToolNames {
  /** A name for an operation: its own, where nobody has it yet. */
  take(wanted: string | undefined, id: string): string;
}

/** Longer names are refused by some agents. Source: the names that the models' own interfaces take have 64 at most. */
const MAX_CHARACTERS = 64;
const ID_DIGITS = 8;

/** Begins with the names that are taken. */
export function createToolNames(reserved: readonly string[]): ToolNames {
  const taken = new Set(reserved);

  return {
    take(wanted, id) {
      const plain = (wanted ?? `operation_${id}`).replaceAll(/[^\w-]/g, '_');
      // The id's own digest, so that a document keeps its name when others come and go.
      const digest = createHash('sha256').update(id).digest('hex').slice(0, ID_DIGITS);
      const longer = `${plain.slice(0, MAX_CHARACTERS - ID_DIGITS - 1)}_${digest}`;
      const name = plain.length > MAX_CHARACTERS || taken.has(plain) ? longer : plain;
      taken.add(name);
      return name;
    },
  };
}
