import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHandler } from 'graphql-http/lib/use/http';
import { loadTypeDefs } from '../../../kernel/graphql/load-type-defs.js';
import { createSubgraphSchema } from '../../../kernel/graphql/subgraph-schema.js';

interface FakeDevice {
  readonly id: string;
  readonly name: string;
  readonly metrics: readonly unknown[];
}

interface UserError {
  readonly code: string;
  readonly message: string;
  readonly path: readonly string[];
}

export interface FakeAegis {
  readonly url: string;
  readonly devices: Map<string, FakeDevice>;
  /** The mutations that came, in order. */
  readonly mutations: string[];
  /** The `authorization` header of each request. */
  readonly authorizations: (string | undefined)[];
  /** While set, every request is answered with this status and no GraphQL. */
  unavailableStatus: number | undefined;
  /** While set, every mutation is refused with it. */
  refusal: UserError | undefined;
  close(): Promise<void>;
}

/** The devices' contract, the real one, served over a real socket by a map. */
export async function openFakeAegis(): Promise<FakeAegis> {
  const devices = new Map<string, FakeDevice>();
  const mutations: string[] = [];
  const authorizations: (string | undefined)[] = [];

  function change(kind: string, make: () => FakeDevice): unknown {
    mutations.push(kind);
    if (fake.refusal) return { device: null, userErrors: [fake.refusal] };
    const device = make();
    devices.set(device.id, device);
    return { device, userErrors: [] };
  }

  interface Input {
    readonly input: FakeDevice;
  }
  const typeDefs = await loadTypeDefs('schema', 'devices');
  const schema = createSubgraphSchema(typeDefs, {
    Query: {
      devices: (_root: unknown, { filter }: { readonly filter?: { readonly name?: string } }) => ({
        edges: [...devices.values()].filter(({ name }) => name === filter?.name).map((node) => ({ node })),
      }),
    },
    Mutation: {
      registerDevice: (_root: unknown, { input }: Input) =>
        change('register', () => ({ ...input, id: `dev_${devices.size + 1}` })),
      updateDevice: (_root: unknown, { input }: Input) =>
        change('update', () => ({ ...devices.get(input.id), ...input })),
    },
  });
  const handle = createHandler({ schema });
  const server = createServer((request, response) => {
    authorizations.push(request.headers.authorization);
    if (fake.unavailableStatus === undefined) void handle(request, response);
    else response.writeHead(fake.unavailableStatus).end('not yet');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const fake: FakeAegis = {
    url: `http://127.0.0.1:${port}/graphql`,
    devices,
    mutations,
    authorizations,
    unavailableStatus: undefined,
    refusal: undefined,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
  return fake;
}
