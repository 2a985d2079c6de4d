/* A fifth subgraph beside those of the shop: it streams, and takes notes. */

const LINK = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])\n`;

/** What it offers; the first of two supergraphs has no `mood`, so that a swap changes something. */
export function describeLive(withMood: boolean): string {
  return `${LINK}
    type Query { notes: Int! }
    type Mutation { addNote(upc: String!, text: String!): Note }
    type Subscription { tick(every: Int = 1): Tick }
    type Note { number: Int! text: String! product: Product }
    type Tick { number: Int! filling: String! product: Product ${withMood ? 'mood: String' : ''} }
    type Product @key(fields: "upc", resolvable: false) { upc: String! }`;
}

/** How often it streams, in milliseconds. */
export const TICK_MS = 200;

export const SUBSCRIPTIONS = [
  'subscription { tick { number product { upc name inStock } } }',
  'subscription { tick { number product { upc reviews { id body } } } }',
  'subscription Every($every: Int) { tick(every: $every) { number product { upc name } } }',
] as const;

/** With so much in each event that a client that does not read is too far behind soon. */
export const FILLED_SUBSCRIPTION = 'subscription { tick { number filling product { upc name } } }';

export const FILLING_BYTES = 65_536;
