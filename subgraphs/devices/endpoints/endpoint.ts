/** Where a device is reached that does not come by itself. */
export type Endpoint =
  | {
      readonly kind: 'coap';
      readonly host: string;
      readonly port: number;
      /** The path under which its resources are, as parts; empty for most. */
      readonly base: readonly string[];
    }
  | {
      readonly kind: 'ble';
      /** In upper case, such as `AA:BB:CC:DD:EE:FF`. */
      readonly address: string;
    };

/** Source: RFC 7252, §6.1. */
const COAP_PORT = 5683;
const BLE = /^ble:((?:[0-9a-f]{2}:){5}[0-9a-f]{2})$/i;
const MAX_CHARACTERS = 500;

/** Reads `coap://host[:port][/path]` or `ble:AA:BB:CC:DD:EE:FF`; undefined for anything else. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const address = BLE.exec(text)?.[1];
  if (address !== undefined) return { kind: 'ble', address: address.toUpperCase() };
  if (text.length > MAX_CHARACTERS || !/^coap:\/\//i.test(text) || !URL.canParse(text)) return undefined;
  const { hostname, port, pathname, search, hash, username, password } = new URL(text);
  if (hostname === '' || [search, hash, username, password].some((part) => part !== '')) return undefined;
  const base = decodePath(pathname);
  if (!base) return undefined;
  return { kind: 'coap', host: hostname.toLowerCase(), port: port === '' ? COAP_PORT : Number(port), base };
}

/** An endpoint in its one form, so that two that are the same are known to be. */
export function formatEndpoint(endpoint: Endpoint): string {
  if (endpoint.kind === 'ble') return `ble:${endpoint.address}`;
  const { host, port, base } = endpoint;
  const path = base.map((part) => `/${encodeURIComponent(part)}`).join('');
  return `coap://${host}${port === COAP_PORT ? '' : `:${port}`}${path}`;
}

function decodePath(pathname: string): string[] | undefined {
  try {
    return pathname
      .split('/')
      .filter((part) => part !== '')
      .map(decodeURIComponent);
  } catch {
    return undefined;
  }
}
