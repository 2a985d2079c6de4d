/** What a node shows of itself over time: the metric of a device, or something of its own. */
export type Signal = DeviceSignal | OwnSignal;

/** One metric of one device. */
export interface DeviceSignal {
  readonly deviceId: string;
  readonly metric: string;
}

/** What is a node's own: states that are pushed to it, or an oscillator of the generator. */
export interface OwnSignal {
  readonly own: 'STATE' | 'GENERATOR';
  /** The node's index. */
  readonly index: number;
}

/** Where a signal comes from. */
export type SignalSource = 'DEVICE' | OwnSignal['own'];

/** Whether it is the metric of a device. */
export function isDeviceSignal(signal: Signal): signal is DeviceSignal {
  return 'deviceId' in signal;
}

/** Where a signal comes from. */
export function sourceOf(signal: Signal): SignalSource {
  return isDeviceSignal(signal) ? 'DEVICE' : signal.own;
}

/** A text that is the same for the same signal and different for any other. */
export function keyOfSignal(signal: Signal): string {
  return JSON.stringify(
    isDeviceSignal(signal) ? [signal.deviceId, signal.metric] : [signal.own, signal.index, null],
  );
}

/** Whether two are the same signal; none is the same as none. */
export function isSameSignal(a: Signal | undefined, b: Signal | undefined): boolean {
  return a === undefined || b === undefined ? a === b : keyOfSignal(a) === keyOfSignal(b);
}
