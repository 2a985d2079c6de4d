/* Apollo Server with the shop's data in a schema of its own: what GraphQL costs where nothing is federated. */
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { WHOLE_SHOP } from '../shop/shop.js';
import { serveTasks } from '../support/tasks.js';

export type ApolloServerTasks = {
  /** Begins to answer, and tells at which URL. */
  readonly serve: (options: null) => Promise<string>;
};

serveTasks({
  async serve() {
    const server = new ApolloServer(WHOLE_SHOP);
    const { url } = await startStandaloneServer(server, { listen: { port: 0, host: '127.0.0.1' } });
    return url;
  },
} satisfies ApolloServerTasks);
