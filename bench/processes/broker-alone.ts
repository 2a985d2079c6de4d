/* The broker of Aegis without Aegis: aedes acknowledges what is published and does nothing else with it. */
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { Aedes } from 'aedes';
import { serveTasks } from '../support/tasks.js';

export type BrokerAloneTasks = {
  /** Begins to listen, and tells on which port. */
  readonly listen: (none: null) => Promise<number>;
};

serveTasks({
  async listen() {
    const broker = new Aedes();
    await broker.listen();
    const server = createServer({ noDelay: true }, broker.handle).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  },
} satisfies BrokerAloneTasks);
