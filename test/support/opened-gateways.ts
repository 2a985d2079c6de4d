import { afterEach, expect } from '@jest/globals';
import { openTestGateway, type TestGateway } from './test-gateway.js';

/** Lets the tests of one file open gateways, which are closed behind each test. To be called once, at the top of the file. */
export function closeGatewaysAfterEach(): typeof openTestGateway {
  const opened: TestGateway[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((gateway) => gateway.close()));
  });
  return (...given) => {
    const gateway = openTestGateway(...given);
    opened.push(gateway);
    return gateway;
  };
}

/** The data of an operation that must have no errors, as JSON, so that the order of fields counts. */
export async function dataOf(gateway: TestGateway, query: string, variables?: Record<string, unknown>) {
  const { data, errors } = await gateway.run(query, variables);
  expect(errors).toBeUndefined();
  return JSON.parse(JSON.stringify(data)) as Record<string, unknown>;
}
