/** The query of the public gateway benchmark: 16 fetches over four subgraphs. */
export const SHOP_QUERY = `
fragment User on User { id username name }
fragment Review on Review { id body }
fragment Product on Product { inStock name price shippingEstimate upc weight }

query TestQuery {
  users {
    ...User
    reviews {
      ...Review
      product {
        ...Product
        reviews {
          ...Review
          author { ...User reviews { ...Review product { ...Product } } }
        }
      }
    }
  }
  topProducts {
    ...Product
    reviews {
      ...Review
      author { ...User reviews { ...Review product { ...Product } } }
    }
  }
}`;

/** The small query: one subgraph and one entity hop. */
export const SMALL_QUERY = '{ topProducts(first: 1) { upc name inStock } }';
