/* Opens PGlite on the folder that is named and tells when it has answered: the floor under a start of Aegis. */
import process from 'node:process';
import { setInterval } from 'node:timers';
import { PGlite } from '@electric-sql/pglite';

const postgres = await PGlite.create({ dataDir: process.argv[2] });
await postgres.query('SELECT 1');
process.stdout.write('ready\n');
process.once('SIGTERM', () => {
  void postgres.close().then(() => process.exit(0));
});
setInterval(() => undefined, 60_000);
