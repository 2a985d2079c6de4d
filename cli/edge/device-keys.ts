import type { Identify } from '../../kernel/graphql/subgraph.js';
import { createIdentify, parseApiKeys, type ApiKey } from '../../kernel/identity/api-keys.js';
import type { EdgeIdentify } from '../../subgraphs/devices/edge.js';

/** A key of an edge that speaks for one device. */
export interface DeviceKey {
  /** The device's name or id, as it stands in its topics and paths. */
  readonly device: string;
  readonly key: ApiKey;
}

const ENTRY = /^(?<device>[^=/+#\s]{1,200})=(?<key>\S+)$/;

/**
 * Reads `AEGIS_EDGE_DEVICE_KEYS`: `<device>=[<workspace>:]<key>`, comma-separated, such as `boiler=Zx4…,pump=garden:q9T…`.
 *
 * Errors: one with a line for every mistake, which names keys by their position and never shows them.
 */
export function parseDeviceKeys(text: string): readonly DeviceKey[] {
  const entries = text.split(',').flatMap((entry) => entry.trim() || []);
  const parsed = entries.map((entry) => ENTRY.exec(entry)?.groups ?? {});
  const wrong = parsed.flatMap(({ device }, index) => (device === undefined ? [index + 1] : []));
  if (wrong.length > 0)
    throw new Error(`key ${wrong.join(', ')}: expected <device>=<key>, got something else.`);
  const keys = parseApiKeys(parsed.map(({ key }) => key).join(','));
  return keys.map((key, index) => ({ key, device: parsed[index]?.['device'] ?? '' }));
}

/** Says who comes to an edge: with one of its own keys, or with that of a device, which speaks for that device alone. */
export function createEdgeIdentify(identify: Identify, deviceKeys: readonly DeviceKey[]): EdgeIdentify {
  const bound = deviceKeys.map(({ device, key }) => ({ device, isOf: createIdentify([key]) }));
  return (credentials) => {
    // All are compared, so that the place of the right one in the list does not show.
    const [found] = bound.flatMap(({ device, isOf }) => {
      const principal = isOf(credentials);
      return principal ? [{ workspace: principal.workspace, device }] : [];
    });
    const workspace = identify(credentials)?.workspace;
    if (found) return found;
    return workspace === undefined ? undefined : { workspace, device: undefined };
  };
}
