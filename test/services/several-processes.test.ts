import { startSeveralProcesses } from '../support/aegis-system.js';
import { describeWith } from '../support/describe-with.js';
import { describeSystem } from '../end-to-end/system-suite.js';

describeWith(
  { programs: ['postgres', 'mosquitto'] },
  'Aegis in three processes on Postgres and Mosquitto',
  () => {
    describeSystem(startSeveralProcesses);
  },
);
