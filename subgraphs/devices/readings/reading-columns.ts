import type { NewMessage, NewReading } from './new-reading.js';
import { toQualityNumber } from './quality.js';

/**
 * The readings of messages as the columns of a statement. What many of them share stands once: a metric of a device in a
 * unit is a track, and readings name it by its place.
 */
export interface ReadingColumns {
  /** Whose each reading is. */
  readonly owners: { readonly message: NewMessage; readonly reading: NewReading }[];
  /** For each reading, places from 0. */
  readonly messages: number[];
  readonly tracks: number[];
  readonly values: number[];
  readonly measuredAtUs: number[];
  readonly qualities: number[];
  /** For each reading that has a number: its place from 1, the number, and the start that it belongs to or ''. */
  readonly numberedPlaces: number[];
  readonly numbers: string[];
  readonly boots: string[];
  /** For each message. */
  readonly receivedAtMs: number[];
  readonly postponed: boolean[];
  /** For each track. */
  readonly deviceIds: string[];
  readonly metrics: string[];
  readonly units: string[];
}

/** Lays out the readings of messages as columns. */
export function toReadingColumns(
  messages: readonly NewMessage[],
  postponed: ReadonlySet<NewMessage>,
): ReadingColumns {
  const columns: ReadingColumns = {
    owners: [],
    ...{ messages: [], tracks: [], values: [], measuredAtUs: [], qualities: [] },
    ...{ numberedPlaces: [], numbers: [], boots: [] },
    receivedAtMs: messages.map(({ receivedAtMs }) => receivedAtMs),
    postponed: messages.map((message) => postponed.has(message)),
    ...{ deviceIds: [], metrics: [], units: [] },
  };
  const findTrack = createTrackFinder(columns);
  for (const [index, message] of messages.entries()) {
    for (const reading of message.readings) {
      columns.owners.push({ message, reading });
      columns.messages.push(index);
      columns.tracks.push(findTrack(message.deviceId, reading));
      columns.values.push(reading.value);
      columns.measuredAtUs.push(reading.measuredAtUs);
      columns.qualities.push(toQualityNumber(reading.quality));
      if (reading.deviceSequence === undefined) continue;
      columns.numberedPlaces.push(columns.owners.length);
      columns.numbers.push(String(reading.deviceSequence));
      columns.boots.push(reading.deviceBoot ?? '');
    }
  }
  return columns;
}

function createTrackFinder({ deviceIds, metrics, units }: ReadingColumns) {
  /** By device, metric and unit: a map each, as a key joined of the three would be made for each reading. */
  const devices = new Map<string, Map<string, Map<string, number>>>();

  return (deviceId: string, { metric, unit }: NewReading): number => {
    const ofDevice = getOrMake(devices, deviceId);
    const ofMetric = getOrMake(ofDevice, metric);
    const known = ofMetric.get(unit);
    if (known !== undefined) return known;
    const track = deviceIds.length;
    ofMetric.set(unit, track);
    deviceIds.push(deviceId);
    metrics.push(metric);
    units.push(unit);
    return track;
  };
}

function getOrMake<K, V>(maps: Map<K, Map<string, V>>, key: K): Map<string, V> {
  const known = maps.get(key);
  if (known) return known;
  const made = new Map<string, V>();
  maps.set(key, made);
  return made;
}
