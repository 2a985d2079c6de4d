/* The four subgraphs of the public gateway benchmark (graphql-hive/graphql-gateways-benchmark: accounts, inventory,
 * products, reviews), with data of the same shape and size. */
import { buildSubgraphSchema } from '@apollo/subgraph';
import { parse, type GraphQLSchema } from 'graphql';

const LINK = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@external", "@requires", "@provides", "@shareable"])\n`;

const sentence = (words: number) =>
  Array.from(
    { length: words },
    (_, index) => ['lorem', 'ipsum', 'dolor', 'sit', 'amet', 'elit'][index % 6],
  ).join(' ');

const USERS = ['Uri', 'Dotan', 'Kamil', 'Arda', 'Gil', 'Laurin'].map((name, index) => ({
  id: String(index + 1),
  name: `${name} of the shop`,
  username: name.toLowerCase(),
  birthday: 1_234_567_890,
}));

const PRODUCTS = [
  ['Table', 899, 100],
  ['Couch', 1_299, 1_000],
  ['Glass', 15, 20],
  ['Chair', 499, 100],
  ['TV', 1_299, 1_000],
  ['Lamp', 6_999, 300],
  ['Grill', 3_999, 2_000],
  ['Fridge', 100_000, 6_000],
  ['Sofa', 9_999, 800],
].map(([name, price, weight], index) => ({ upc: String(index + 1), name, price, weight }));

/** Product and length of body, in words, of each review. */
const REVIEWS = (
  [
    [1, 70],
    [1, 45],
    [1, 42],
    [1, 22],
    [2, 70],
    [2, 45],
    [2, 42],
    [2, 22],
    [3, 22],
    [4, 22],
    [4, 125],
  ] as const
).map(([product, words], index) => ({
  id: String(index + 1),
  body: sentence(words),
  product: { upc: String(product) },
}));

const IN_STOCK = new Set(['1', '5', '6', '7', '9']);

interface Upc {
  readonly upc: string;
}

const SUBGRAPHS = {
  accounts: {
    typeDefs: `
      type Query { me: User user(id: ID!): User users: [User] }
      type User @key(fields: "id") { id: ID! name: String username: String @shareable birthday: Int }`,
    resolvers: {
      Query: { me: () => USERS[0], users: () => USERS },
      User: { __resolveReference: ({ id }: { id: string }) => USERS.find((user) => user.id === id) },
    },
  },
  inventory: {
    typeDefs: `
      type Product @key(fields: "upc") {
        upc: String!
        weight: Int @external
        price: Int @external
        inStock: Boolean
        shippingEstimate: Int @requires(fields: "price weight")
      }`,
    resolvers: {
      Product: {
        __resolveReference: (product: Upc) => product,
        inStock: ({ upc }: Upc) => IN_STOCK.has(upc),
        shippingEstimate: ({ price, weight }: { price: number; weight: number }) =>
          price > 1_000 ? 0 : Math.floor(weight / 2),
      },
    },
  },
  products: {
    typeDefs: `
      type Query { topProducts(first: Int = 5): [Product] }
      type Product @key(fields: "upc") { upc: String! name: String price: Int weight: Int }`,
    resolvers: {
      Query: { topProducts: (_parent: unknown, { first }: { first: number }) => PRODUCTS.slice(0, first) },
      Product: { __resolveReference: ({ upc }: Upc) => PRODUCTS.find((product) => product.upc === upc) },
    },
  },
  reviews: {
    typeDefs: `
      type Review @key(fields: "id") { id: ID! body: String product: Product author: User @provides(fields: "username") }
      type User @key(fields: "id") { id: ID! username: String @external reviews: [Review] }
      type Product @key(fields: "upc") { upc: String! reviews: [Review] }`,
    resolvers: {
      Review: {
        __resolveReference: ({ id }: { id: string }) => REVIEWS.find((review) => review.id === id),
        author: () => ({ id: '1', username: 'uri' }),
      },
      User: { __resolveReference: (user: object) => user, reviews: () => REVIEWS.slice(0, 2) },
      Product: {
        __resolveReference: (product: Upc) => product,
        reviews: ({ upc }: Upc) => REVIEWS.filter(({ product }) => product.upc === upc),
      },
    },
  },
};

/** The SDL of each subgraph, with its federation link. */
export const SHOP_TYPE_DEFS = Object.fromEntries(
  Object.entries(SUBGRAPHS).map(([name, { typeDefs }]) => [name, parse(LINK + typeDefs)]),
);

/** The same data as one schema without federation: its SDL and resolvers. */
export const WHOLE_SHOP = {
  typeDefs: `
    type Query { me: User user(id: ID!): User users: [User] topProducts(first: Int = 5): [Product] }
    type User { id: ID! name: String username: String birthday: Int reviews: [Review] }
    type Product {
      upc: String! name: String price: Int weight: Int inStock: Boolean shippingEstimate: Int reviews: [Review]
    }
    type Review { id: ID! body: String product: Product author: User }`,
  resolvers: {
    Query: {
      ...SUBGRAPHS.accounts.resolvers.Query,
      user: (_parent: unknown, { id }: { id: string }) => USERS.find((user) => user.id === id),
      ...SUBGRAPHS.products.resolvers.Query,
    },
    User: { reviews: SUBGRAPHS.reviews.resolvers.User.reviews },
    Product: {
      inStock: SUBGRAPHS.inventory.resolvers.Product.inStock,
      shippingEstimate: SUBGRAPHS.inventory.resolvers.Product.shippingEstimate,
      reviews: SUBGRAPHS.reviews.resolvers.Product.reviews,
    },
    Review: {
      product: ({ product }: { product: Upc }) => PRODUCTS.find(({ upc }) => upc === product.upc),
      author: () => USERS[0],
    },
  },
};

/** The executable schema of each. */
export function createShopSchemas(): Readonly<Record<string, GraphQLSchema>> {
  return Object.fromEntries(
    Object.entries(SUBGRAPHS).map(([name, { resolvers }]) => [
      name,
      buildSubgraphSchema([{ typeDefs: SHOP_TYPE_DEFS[name] ?? parse(''), resolvers }]),
    ]),
  );
}
