/** What a first visitor finds in the editor: a query over two subgraphs, and the same join as a live stream. */
export const DEFAULT_TABS: readonly { readonly query: string }[] = [
  {
    query: `# This machine: its newest readings, and the nodes
# that follow them. Ctrl-Enter runs it.
query Host {
  devices(filter: { name: "host" }) {
    edges {
      node {
        name
        latest {
          metric
          value
          unit
          measuredAt
        }
        nodes {
          index
          metric
          coherence
        }
      }
    }
  }
}
`,
  },
  {
    query: `# The same join, live: an event a second,
# until the stop button.
subscription Consciousness {
  consciousnessMetrics {
    cursor
    gap
    sample {
      coherence
      nodes {
        index
        device {
          name
          latest {
            metric
            value
          }
        }
      }
    }
  }
}
`,
  },
];
