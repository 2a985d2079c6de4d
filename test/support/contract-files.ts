import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One file of the contract. */
export interface ContractFile {
  /** As it stands in the schema folder, such as `devices.graphql` or `devices/alarms.graphql`. */
  readonly file: string;
  /** Whose it is: `devices`, `admin`, `shared`. */
  readonly owner: string;
  readonly sdl: string;
}

/** Every file of the contract that is written by hand. */
export function readContractFiles(folder = 'schema'): readonly ContractFile[] {
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith('.graphql') && file !== 'supergraph.graphql')
    .sort()
    .map((file) => ({
      file,
      owner: file.replace(/[/\\.].*$/, ''),
      sdl: readFileSync(join(folder, file), 'utf8'),
    }));
}

/** The contract of each subgraph as one text, by name; what all share is left out. */
export function readContracts(folder = 'schema'): ReadonlyMap<string, string> {
  const contracts = new Map<string, string>();
  for (const { owner, sdl } of readContractFiles(folder)) {
    if (owner !== 'shared') contracts.set(owner, `${contracts.get(owner) ?? ''}\n${sdl}`);
  }
  return contracts;
}
