import { describe } from '@jest/globals';
import { describeWith } from '../../../support/describe-with.js';
import { describeConnection } from './contract/connection-clauses.js';
import type { ContractProtocol } from './contract/contract-protocol.js';
import { openStage } from './contract/contract-stage.js';
import { describeDownlink } from './contract/downlink-clauses.js';
import { describeReading } from './contract/reading-clauses.js';
import { describeTelemetry } from './contract/telemetry-clauses.js';

/** Checks what every protocol owes to the devices that speak it, as far as it says that it can. */
export function describeProtocol(protocol: ContractProtocol): void {
  const { name, programs = [] } = protocol;
  const suite = () => {
    const stage = openStage(protocol);
    describeTelemetry(stage);
    describeConnection(stage);
    describeDownlink(stage);
    describeReading(stage);
  };
  const title = `the contract of protocols, on ${name}`;
  if (programs.length > 0) describeWith({ programs }, title, suite);
  else describe(title, suite);
}
