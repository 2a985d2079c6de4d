/** One metric of one device. */
export interface Signal {
  readonly deviceId: string;
  readonly metric: string;
}

/** A text that is the same for the same signal and different for any other. */
export function keyOfSignal({ deviceId, metric }: Signal): string {
  return JSON.stringify([deviceId, metric]);
}

/** Whether two are the same signal; none is the same as none. */
export function isSameSignal(a: Signal | undefined, b: Signal | undefined): boolean {
  return a?.deviceId === b?.deviceId && a?.metric === b?.metric;
}
