import DataLoader from 'dataloader';
import type { Database } from '../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import { findCommands, listCommands, type CommandsKey } from './storage/command-reader.js';
import type { DeviceCommandModel } from './models.js';

/** Turns the same question about many commands, or about the commands of many devices, into one, for one request. */
export interface CommandLoaders {
  /** By id; undefined where there is none. */
  readonly commands: DataLoader<string, DeviceCommandModel | undefined>;
  readonly deviceCommands: DataLoader<CommandsKey, DeviceCommandModel[], string>;
}

/** Makes the loaders of one request. */
export function createCommandLoaders(database: Database, workspace: WorkspaceId): CommandLoaders {
  return {
    commands: new DataLoader((ids) => findCommands(database, workspace, ids)),
    deviceCommands: new DataLoader<CommandsKey, DeviceCommandModel[], string>(
      (keys) => listCommands(database, workspace, keys),
      {
        cacheKeyFn: ({ behind, ...key }) => JSON.stringify({ ...key, behind: behind?.toString() }),
      },
    ),
  };
}
