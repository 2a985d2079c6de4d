/** JSON Schema (draft 2020-12) of an input or an output. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * What values of a property look like. All of them are stored as numbers: a BOOLEAN as 0 or 1, a STATE as the place of its
 * name in `states`.
 */
export type PropertyType = 'NUMBER' | 'INTEGER' | 'BOOLEAN' | 'STATE';

/**
 * A quantity or a state of a device. Source: Web of Things Thing Description 1.1, §5.3.1.3 (PropertyAffordance), with the
 * unit as a UCUM code.
 */
export interface ProfileProperty {
  readonly name: string;
  readonly description: string | null;
  readonly type: PropertyType;
  /** UCUM code; `1` for a plain number and for states. */
  readonly unit: string;
  /** The smallest plausible value, in the unit, after calibration. */
  readonly minimum: number | null;
  readonly maximum: number | null;
  /** The smallest difference that the device can tell, in the unit. */
  readonly resolution: number | null;
  /** The names of the states of a STATE, in the order of their numbers from 0; empty for other types. */
  readonly states: readonly string[];
  /** value = gain × raw + offset, with raw and offset in the unit: after a conversion of units, where there is one. */
  readonly calibration: { readonly gain: number; readonly offset: number };
  /** Whether it can be desired: written by us. */
  readonly writable: boolean;
}

/** Something that a device can be told to do. Source: Web of Things Thing Description 1.1, §5.3.1.4 (ActionAffordance). */
export interface ProfileAction {
  readonly name: string;
  readonly description: string | null;
  readonly input: JsonSchema | null;
  readonly output: JsonSchema | null;
  /** How long an answer is waited for when a command does not say, in seconds. */
  readonly timeoutSeconds: number;
  /**
   * How its payload looks on the way down: `envelope` is `{"id", "action", "input", "expiresAt"}`, `input` is the input
   * alone, for devices that know no wrapper.
   */
  readonly payload: 'envelope' | 'input';
}

/** Something that a device tells of itself when it happens. Source: Web of Things Thing Description 1.1, §5.3.1.5. */
export interface ProfileEvent {
  readonly name: string;
  readonly description: string | null;
  readonly data: JsonSchema | null;
}

/** How payloads of a device become readings. */
export interface ProfileCodec {
  readonly kind: 'JSON' | 'CBOR' | 'SENML_JSON' | 'SENML_CBOR' | 'SPARKPLUG_B' | 'PLAIN_NUMBER' | 'JSONATA';
  /** JSONATA: the expression that makes our JSON telemetry of foreign JSON. */
  readonly expression?: string | undefined;
  /** PLAIN_NUMBER: the property whose value the payload is. */
  readonly property?: string | undefined;
}

/** Names one version of a profile. */
export interface ProfilePin {
  readonly name: string;
  readonly version: number;
}

/** A kind of device: what it measures, what it can do, what it tells, and how it speaks. A version never changes. */
export interface Profile {
  readonly name: string;
  readonly version: number;
  readonly title: string;
  readonly description: string | null;
  readonly properties: readonly ProfileProperty[];
  readonly actions: readonly ProfileAction[];
  readonly events: readonly ProfileEvent[];
  readonly codec: ProfileCodec;
  /** Defaults of fusions over its properties, by property: what `FuseReadingsConfig` leaves out. */
  readonly fusion: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Alarm rules that every device of the profile has, as they are exported and imported. */
  readonly alarms: readonly Readonly<Record<string, unknown>>[];
  /** How long readings are kept, in hours; null for the setting of the installation. */
  readonly retentionHours: number | null;
  /** By what services and characteristics it is read over Bluetooth; null for devices that do not speak it. */
  readonly bluetooth: Readonly<Record<string, unknown>> | null;
  /** By what resources it is polled and observed over CoAP; null for devices that do not serve it. */
  readonly coap: Readonly<Record<string, unknown>> | null;
}
