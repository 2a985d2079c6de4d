/** A server answered with an HTTP response where a WebSocket was asked for. */
export class UpgradeRefused extends Error {
  override readonly name = 'UpgradeRefused';
  readonly status: number;

  constructor(status: number) {
    super(`expected a WebSocket, got HTTP ${status}`);
    this.status = status;
  }
}
