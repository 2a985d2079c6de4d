const DEVICE_ID = /^dev_[0-9a-f]{32}$/;

/** Whether a text looks like the id of a device; no device has any other. */
export function isDeviceId(text: string): boolean {
  return DEVICE_ID.test(text);
}
