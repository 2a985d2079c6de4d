/** What a first visitor finds in the editor: a query over both subgraphs, and the same join as a live stream. */
export const DEFAULT_TABS: readonly { readonly query: string }[] = [
  {
    query: `# Every device with the newest reading of each of its metrics, and the network's nodes that listen to it.
# Run it with Ctrl-Enter. The second tab shows the same join as a live stream.
query Devices {
  devices {
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
    query: `# One event a second, until the stop button. The devices' fields are filled in for each event.
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
