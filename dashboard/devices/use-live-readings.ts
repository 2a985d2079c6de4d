import { useEffect, useRef, useState } from 'react';
import { useStream } from '../client/use-connection.js';
import { DEVICE_READINGS, type Reading, type ReadingEvent } from './documents.js';

/** The newest reading that came of each metric, by device id and metric's name. */
export type LiveReadings = ReadonlyMap<string, Reading>;

/** The key of a device's metric in {@link LiveReadings}. */
export function readingKey(deviceId: string, metric: string): string {
  return `${deviceId} ${metric}`;
}

/** How often what has come is shown, in milliseconds: a device of many metrics sends them all at once. */
const SHOW_MS = 250;

/**
 * Follows the readings of devices.
 *
 * @param onReading told of each of them; undefined where only the newest matter.
 */
export function useLiveReadings(
  deviceIds: readonly string[],
  onReading?: (deviceId: string, reading: Reading) => void,
): LiveReadings {
  const [shown, setShown] = useState<LiveReadings>(new Map());
  const gathered = useRef(new Map<string, Reading>());
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
    },
    [],
  );
  useStream<ReadingEvent>({
    document: DEVICE_READINGS,
    variables: { deviceIds: [...deviceIds].sort() },
    field: 'deviceReadings',
    onEvent: ({ reading }) => {
      if (!reading.device) return;
      gathered.current.set(readingKey(reading.device.id, reading.metric), reading);
      onReading?.(reading.device.id, reading);
      timer.current ??= setTimeout(() => {
        timer.current = undefined;
        setShown(new Map(gathered.current));
      }, SHOW_MS);
    },
  });
  return shown;
}
