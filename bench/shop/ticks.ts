const LINK = 'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])\n';

/** Streams events that name a product. */
export const TICKS_SDL = `${LINK}
  type Query { none: Int }
  type Subscription { tick: Tick }
  type Tick { number: Int! sentAt: Float! filling: String! product: Product }
  type Product @key(fields: "upc") { upc: String! }`;

/** Knows the products. */
export const PRODUCTS_SDL = `${LINK}
  type Query { anyProduct: Product }
  type Product @key(fields: "upc") { upc: String! name: String price: Int }`;

/** One entity hop for each event. */
export const TICK_SUBSCRIPTION = 'subscription { tick { number sentAt product { upc name price } } }';

/** The same with events of {@link FILLING_BYTES} and some more, so that what nobody reads adds up. */
export const FILLED_SUBSCRIPTION =
  'subscription { tick { number sentAt product { upc name price } filling } }';

/** How long the filling of an event is, in bytes. */
export const FILLING_BYTES = 65_536;
