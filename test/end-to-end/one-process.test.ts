import { describe } from '@jest/globals';
import { startOneProcess } from '../support/aegis-system.js';
import { describeSystem } from './system-suite.js';

describe('Aegis in one process', () => {
  describeSystem(() => startOneProcess());
});
