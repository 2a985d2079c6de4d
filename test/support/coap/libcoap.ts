import { findProgram } from '../find-program.js';
import { runProgram } from '../child-process.js';
import { waitFor } from '../wait-for.js';

/** Runs libcoap's client until it ends, and gives what it wrote. */
export async function runCoapClient(...args: readonly string[]): Promise<string> {
  const client = startCoapClient(...args);
  try {
    await waitFor(`coap-client ends, after ${client.output()}`, () => client.hasEnded(), {
      deadlineMs: 20_000,
    });
  } finally {
    await client.stop();
  }
  return client.output();
}

/** Starts libcoap's client. */
export function startCoapClient(...args: readonly string[]) {
  return runProgram(pathOf('coap-client-notls'), args);
}

/** Starts libcoap's example server, which has the resources `time` (observable) and those that are put to it. */
export async function startCoapServer(port: number) {
  const server = runProgram(pathOf('coap-server-notls'), ['-A', '127.0.0.1', '-p', String(port), '-d', '10']);
  const url = `coap://127.0.0.1:${port}`;
  await waitFor('coap-server answers', async () => (await runCoapClient('-B', '1', `${url}/`)) !== '');
  return { ...server, url };
}

function pathOf(name: string): string {
  const path = findProgram(name);
  if (path === undefined) throw new Error(`expected the program ${name}: apt-get install libcoap3-bin`);
  return path;
}
