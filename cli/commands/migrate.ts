import { databaseSettings, processSettings } from '../config.js';
import { defineCommand } from './command.js';

export const migrate = defineCommand({
  name: 'migrate',
  summary: 'Brings the tables of the database up to date.',
  words: [],
  flags: [],
  settings: () => Promise.resolve({ ...databaseSettings, logLevel: processSettings.logLevel }),
  async run({ settings, root }) {
    const { openDatabase } = await import('../open-database.js');
    const database = await openDatabase(settings, root);
    await database.close();
    process.stdout.write('The tables are up to date.\n');
  },
});
