/** What the page asks of devices. Each of these is checked against the schema by a test. */

export const DEVICES = `query Devices($first: Int!, $filter: DeviceFilter) {
  devices(first: $first, filter: $filter) {
    edges {
      node {
        id
        name
        description
        connectivity { state lastSeenAt }
        metrics { name unit description }
        latest { metric value unit measuredAt }
      }
    }
    pageInfo { hasNextPage }
  }
}`;

export const DEVICE_READINGS = `subscription DeviceReadings($deviceIds: [ID!], $metrics: [String!], $after: String) {
  deviceReadings(deviceIds: $deviceIds, metrics: $metrics, after: $after) {
    cursor
    gap
    reading { device { id } metric value unit measuredAt }
  }
}`;

export const DEVICE_SERIES = `query DeviceSeries($id: ID!, $metric: String!, $range: TimeRange!, $stepMs: Float!) {
  device(id: $id) {
    series(metric: $metric, range: $range, stepMs: $stepMs, aggregate: AVG) { unit points { measuredAt value } }
  }
}`;

/** A device with its newest readings. */
export interface Device {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly connectivity: { readonly state: string; readonly lastSeenAt: string | null } | null;
  readonly metrics: readonly {
    readonly name: string;
    readonly unit: string;
    readonly description: string | null;
  }[];
  readonly latest: readonly Reading[];
}

/** One value. */
export interface Reading {
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  readonly measuredAt: string;
}

/** The answer to {@link DEVICES}. */
export interface DevicePage {
  readonly devices: {
    readonly edges: readonly { readonly node: Device }[];
    readonly pageInfo: { readonly hasNextPage: boolean };
  };
}

/** The answer to {@link DEVICE_SERIES}. */
export interface SeriesAnswer {
  readonly device: {
    readonly series: {
      readonly unit: string;
      readonly points: readonly { readonly measuredAt: string; readonly value: number }[];
    };
  } | null;
}

/** An event of {@link DEVICE_READINGS}. */
export interface ReadingEvent {
  readonly cursor: string;
  readonly gap: boolean;
  readonly reading: Reading & { readonly device: { readonly id: string } | null };
}
