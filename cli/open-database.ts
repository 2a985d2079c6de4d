import { join } from 'node:path';
import type { Database } from '../kernel/database/database.js';
import { openEmbeddedDatabase } from '../kernel/database/embedded-database.js';
import { openServerDatabase } from '../kernel/database/server-database.js';
import type { DatabaseSettings } from './config.js';
import { lockDataFolder } from './data-folder-lock.js';

/** Opens the database that the settings name, and brings its tables up to date. */
export async function openDatabase(settings: DatabaseSettings, root: string): Promise<Database> {
  const migrationsFolder = join(root, 'prisma', 'migrations');
  if (settings.databaseUrl !== undefined) {
    return openServerDatabase({
      url: settings.databaseUrl,
      poolSize: settings.databasePoolSize,
      migrationsFolder,
    });
  }
  const unlock = await lockDataFolder(settings.data);
  try {
    const database = await openEmbeddedDatabase({
      folder: join(settings.data, 'postgres'),
      migrationsFolder,
    });
    return {
      ...database,
      async close() {
        await database.close();
        await unlock();
      },
    };
  } catch (error) {
    await unlock();
    throw error;
  }
}
