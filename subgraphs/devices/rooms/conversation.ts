import type { SubgraphDeps } from '../../../kernel/graphql/subgraph.js';
import { newId } from '../../../kernel/ids/ids.js';
import { createCommands } from '../commands/commands.js';
import { createSchemaChecker } from '../commands/json-schema.js';
import type { DevicesSettings } from '../config.js';
import { createIdentity } from '../credentials/identity-loaders.js';
import { createCredentials } from '../credentials/credentials.js';
import { createConnectivity } from '../sessions/connectivity.js';
import { createConnectivityRegistry } from '../sessions/registry.js';
import { createSessions } from '../sessions/sessions.js';
import { createTwins } from '../twin/twins.js';
import type { Inventory } from './inventory.js';

/** What goes to and fro between devices and us. */
export type Conversation = ReturnType<typeof createConversation>;

export interface ConversationDeps extends SubgraphDeps {
  readonly settings: DevicesSettings;
  readonly inventory: Pick<Inventory, 'known' | 'profiles'>;
}

/** Ties the rooms together that speak with devices: who is connected, who is let in, twins and commands. */
export function createConversation(deps: ConversationDeps) {
  const { database, log, workspaces, logger, settings, inventory } = deps;
  const connectivity = createConnectivity({
    ...{ workspaces, logger },
    registry: createConnectivityRegistry(database, log),
    holder: newId('prc'),
    alone: database.kind === 'embedded',
    silentMs: settings.seenWithinSeconds * 1_000,
  });
  const sessions = createSessions({ presence: connectivity, logger });
  const credentials = createCredentials({ ...deps, sessions });
  const downlink = {
    ...{ ...deps, settings, sessions, devices: inventory.known, schemas: createSchemaChecker() },
    profileOf: inventory.profiles.lookups.ofDevice,
  };
  const twins = createTwins(downlink);
  const commands = createCommands(downlink);
  const identity = createIdentity({ credentials: credentials.registry, connectivity });
  return { connectivity, sessions, credentials, twins, commands, identity };
}
