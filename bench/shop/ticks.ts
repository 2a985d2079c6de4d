const LINK = 'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])\n';

/** Streams events that name a product. */
export const TICKS_SDL = `${LINK}
  type Query { none: Int }
  type Subscription { tick: Tick }
  type Tick { number: Int! sentAt: Float! product: Product }
  type Product @key(fields: "upc") { upc: String! }`;

/** Knows the products. */
export const PRODUCTS_SDL = `${LINK}
  type Product @key(fields: "upc") { upc: String! name: String price: Int }`;

/** One entity hop for each event. */
export const TICK_SUBSCRIPTION = 'subscription { tick { number sentAt product { upc name price } } }';
