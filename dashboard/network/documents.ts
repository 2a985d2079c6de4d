/** What the page asks of the network. Each of these is checked against the schema by a test. */

export const NETWORK_GRAPH = `query NetworkGraph {
  network { name nodeCount edges { a b weight } layout { index x y x3 y3 z3 } }
  nodes { index metric source device { id name } }
  networkThresholds { id metric direction value hysteresis crossed }
}`;

const STATE = `fragment State on NetworkState {
  sampledAt
  simulated
  metrics {
    window { from to samples rateHz nodes }
    phi { bits significant surrogate95 partition }
    coherence
    stability
    divergence
    level { value significant }
    global { networkCoherence collectiveAwareness systemHealth }
    pairs { a b locking }
    missing { metric message }
  }
}`;

/** The newest state: what is shown until the first update comes. */
export const NETWORK_NOW = `query NetworkNow { networkState { ...State } } ${STATE}`;

export const NETWORK_STATES = `subscription NetworkStates($after: String) {
  networkState(after: $after) { cursor gap state { ...State } }
} ${STATE}`;

export const NODE_METRICS = `subscription NodeMetrics($after: String) {
  nodeMetrics(after: $after) {
    cursor
    gap
    measuredAt
    nodes { index phi coherence stability divergence level fresh validity reputation source phaseSource }
  }
}`;

export const METRIC_HISTORY = `query MetricHistory($range: TimeRange!, $step: HistoryStep) {
  metricHistory(range: $range, step: $step) {
    step
    points {
      at
      phi { mean }
      coherence { mean }
      stability { mean }
      divergence { mean }
      level { mean }
      collectiveAwareness { mean }
      systemHealth { mean }
    }
  }
}`;

/** Where a node's signal comes from. */
export type SignalSource = 'DEVICE' | 'STATE' | 'GENERATOR';

/** The newest report of a node that was found invalid, and how the node stands now. */
export const NODE_VALIDATION = `query NodeValidation($nodeId: ID!) {
  validationReport(nodeId: $nodeId, valid: false, first: 1) {
    standings { index valid }
    reports { edges { node { reportedAt checks { check outcome message } } } }
  }
}`;

/** The answer to {@link NODE_VALIDATION}. */
export interface NodeValidation {
  readonly validationReport: {
    readonly standings: readonly { readonly index: number; readonly valid: boolean }[];
    readonly reports: {
      readonly edges: readonly {
        readonly node: {
          readonly reportedAt: string;
          readonly checks: readonly {
            readonly check: string;
            readonly outcome: 'PASSED' | 'FAILED' | 'NOTED' | 'NOT_POSSIBLE';
            readonly message: string;
          }[];
        };
      }[];
    };
  };
}

/** A node, the device that is its signal, and where it is drawn. */
export interface NetworkGraph {
  readonly network: {
    readonly name: string;
    readonly nodeCount: number;
    readonly edges: readonly { readonly a: number; readonly b: number; readonly weight: number }[];
    readonly layout: readonly NodePlace[];
  };
  readonly nodes: readonly {
    readonly index: number;
    readonly metric: string | null;
    /** Where the signal that it was assigned comes from; null for none. */
    readonly source: SignalSource | null;
    readonly device: { readonly id: string; readonly name: string } | null;
  }[];
  readonly networkThresholds: readonly {
    readonly id: string;
    readonly metric: string;
    readonly direction: 'ABOVE' | 'BELOW';
    readonly value: number;
    readonly hysteresis: number;
    /** When the page asked. */
    readonly crossed: boolean;
  }[];
}

/** Where a node is drawn, −1 to 1 each. */
export interface NodePlace {
  readonly index: number;
  readonly x: number;
  readonly y: number;
  readonly x3: number;
  readonly y3: number;
  readonly z3: number;
}

/** The network at one update. */
export interface NetworkState {
  readonly sampledAt: string;
  readonly simulated: boolean;
  readonly metrics: {
    readonly window: { readonly samples: number; readonly rateHz: number; readonly nodes: readonly number[] };
    readonly phi: {
      readonly bits: number;
      readonly significant: boolean;
      readonly surrogate95: number;
      readonly partition: readonly (readonly number[])[];
    } | null;
    readonly coherence: number | null;
    readonly stability: number | null;
    readonly divergence: number | null;
    readonly level: { readonly value: number; readonly significant: boolean } | null;
    readonly global: {
      readonly networkCoherence: number | null;
      readonly collectiveAwareness: number | null;
      readonly systemHealth: number;
    };
    readonly pairs: readonly { readonly a: number; readonly b: number; readonly locking: number | null }[];
    readonly missing: readonly { readonly metric: string; readonly message: string }[];
  } | null;
}

/** One node at one update. */
export interface NodeMetrics {
  readonly index: number;
  readonly phi: number | null;
  readonly coherence: number | null;
  readonly stability: number | null;
  readonly divergence: number | null;
  readonly level: number | null;
  readonly fresh: boolean;
  readonly validity: number;
  readonly reputation: number;
  readonly source: SignalSource | null;
  readonly phaseSource: 'GIVEN' | 'ANALYTIC' | null;
}

/** The numbers of the network over time. */
export interface MetricHistory {
  readonly metricHistory: {
    readonly step: 'UPDATE' | 'MINUTE' | 'HOUR';
    readonly points: readonly ({ readonly at: string } & Readonly<
      Record<MetricKey, { readonly mean: number } | null>
    >)[];
  };
}

/** The numbers that have a card and a plot. */
export type MetricKey =
  'phi' | 'coherence' | 'stability' | 'divergence' | 'level' | 'collectiveAwareness' | 'systemHealth';
