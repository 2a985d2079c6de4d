/** The value of a metric as it stands in the payload: numbers of 64 bits as bigint, what is no scalar as `OTHER`. */
export type SparkplugValue =
  | { readonly kind: 'NUMBER'; readonly value: number }
  | { readonly kind: 'LONG'; readonly value: bigint }
  | { readonly kind: 'BOOLEAN'; readonly value: boolean }
  | { readonly kind: 'TEXT'; readonly value: string }
  | { readonly kind: 'BYTES'; readonly value: Uint8Array }
  /** A data set, a template or an extension: not read further. */
  | { readonly kind: 'OTHER' };

/** One metric of a payload. Source: Eclipse Sparkplug 3.0, §6.4.6. */
export interface SparkplugMetric {
  /** Only in births where the metric has an alias. */
  readonly name?: string | undefined;
  readonly alias?: bigint | undefined;
  /** Milliseconds since 1970. */
  readonly timestampMs?: number | undefined;
  /** One of {@link DATATYPES}; only in births where an edge node leaves it out of its data. */
  readonly datatype?: number | undefined;
  readonly isHistorical?: boolean | undefined;
  readonly isTransient?: boolean | undefined;
  readonly isNull?: boolean | undefined;
  readonly value?: SparkplugValue | undefined;
  /** Its property `Quality`: 192 for good, 0 for bad, 500 for stale. Source: §6.4.7. */
  readonly quality?: number | undefined;
}

/** A payload of Sparkplug B. Source: Eclipse Sparkplug 3.0, §6.4.5. */
export interface SparkplugPayload {
  /** When it was sent, in milliseconds since 1970. */
  readonly timestampMs?: number | undefined;
  readonly metrics: readonly SparkplugMetric[];
  /** 0 to 255, one more with each message of the edge node; deaths of nodes have none. */
  readonly seq?: number | undefined;
  readonly uuid?: string | undefined;
}

/** Numbers of the types of metrics that become readings, or tell births from deaths. Source: §6.4.16. */
export const DATATYPES = {
  Int8: 1,
  Int16: 2,
  Int32: 3,
  Int64: 4,
  UInt8: 5,
  UInt16: 6,
  UInt32: 7,
  UInt64: 8,
  Float: 9,
  Double: 10,
  Boolean: 11,
  String: 12,
  DateTime: 13,
  Text: 14,
} as const;
