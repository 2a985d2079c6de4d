import { AegisError } from '../../kernel/errors/aegis-error.js';
import { isErrorCode } from '../../kernel/errors/codes.js';

export interface RegistrationOptions {
  readonly graphqlUrl: string;
  readonly token?: string | undefined;
  readonly device: DeclaredDevice;
  /** Ends the attempt. */
  readonly signal: AbortSignal;
}

/** A device as it should be registered. */
export interface DeclaredDevice {
  readonly name: string;
  readonly description: string;
  readonly metrics: readonly DeclaredMetric[];
}

/** A metric as it should be registered. */
export interface DeclaredMetric {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly minimum: number | null;
  readonly maximum: number | null;
}

/** How long one request may take, in milliseconds. */
const REQUEST_DEADLINE_MS = 5000;

const FIND_DEVICE = `query FindDevice($name: String!) {
  devices(first: 1, filter: { name: $name }) {
    edges { node { id metrics { name unit description minimum maximum } } }
  }
}`;

const REGISTER_DEVICE = `mutation RegisterDevice($input: RegisterDeviceInput!) {
  registerDevice(input: $input) { device { id } userErrors { code message } }
}`;

const UPDATE_DEVICE = `mutation UpdateDevice($input: UpdateDeviceInput!) {
  updateDevice(input: $input) { device { id } userErrors { code message } }
}`;

interface FoundDevices {
  readonly devices: { readonly edges: readonly { readonly node: FoundDevice }[] };
}

interface FoundDevice {
  readonly id: string;
  readonly metrics: readonly DeclaredMetric[];
}

interface Payload {
  readonly device: { readonly id: string } | null;
  readonly userErrors: readonly { readonly code: string; readonly message: string }[];
}

/**
 * Makes one attempt to have a device registered with exactly its metrics, as any client would: over GraphQL.
 *
 * Out: the device's id. Errors: {@link AegisError}, whose code tells whether another attempt may succeed.
 */
export async function registerDevice(options: RegistrationOptions): Promise<string> {
  const { device } = options;
  const found = await findDevice(options);
  if (!found) return takeId(await mutate(options, 'registerDevice', REGISTER_DEVICE, { ...device }));
  if (hasSameMetrics(found.metrics, device.metrics)) return found.id;
  const change = { id: found.id, metrics: device.metrics };
  return takeId(await mutate(options, 'updateDevice', UPDATE_DEVICE, change));
}

async function findDevice(options: RegistrationOptions): Promise<FoundDevice | undefined> {
  const data = (await request(options, FIND_DEVICE, { name: options.device.name })) as FoundDevices;
  return data.devices.edges[0]?.node;
}

async function mutate(
  options: RegistrationOptions,
  field: string,
  document: string,
  input: Readonly<Record<string, unknown>>,
): Promise<Payload> {
  const data = (await request(options, document, { input })) as Readonly<Record<string, Payload>>;
  const payload = data[field];
  if (!payload) throw new AegisError('UPSTREAM_FAILED', `Expected an answer to ${field}, got none.`);
  return payload;
}

function takeId({ device, userErrors }: Payload): string {
  if (device) return device.id;
  const [first] = userErrors;
  // Somebody else registered it since it was looked for: the next attempt finds it.
  if (first?.code === 'CONFLICT') throw new AegisError('UNAVAILABLE', first.message);
  throw new AegisError(
    isErrorCode(first?.code) ? first.code : 'UPSTREAM_FAILED',
    userErrors.map((one) => one.message).join(' '),
  );
}

function hasSameMetrics(found: readonly DeclaredMetric[], declared: readonly DeclaredMetric[]): boolean {
  const keys: readonly (keyof DeclaredMetric)[] = ['name', 'unit', 'description', 'minimum', 'maximum'];
  return (
    found.length === declared.length &&
    declared.every((metric, index) => keys.every((key) => found[index]?.[key] === metric[key]))
  );
}

interface Response {
  readonly data?: unknown;
  readonly errors?: readonly {
    readonly message: string;
    readonly extensions?: { readonly code?: unknown };
  }[];
}

/** One GraphQL request over HTTP; its data. */
async function request(
  { graphqlUrl, token, signal }: RegistrationOptions,
  query: string,
  variables: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  const response = await post(graphqlUrl, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json, application/json;q=0.9',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_DEADLINE_MS)]),
  });
  const [error] = response.errors ?? [];
  if (error) {
    const code = error.extensions?.code;
    // An unforeseen failure of the server may be over at the next attempt; a refusal is not.
    const told = isErrorCode(code) && code !== 'INTERNAL_SERVER_ERROR' ? code : 'UPSTREAM_FAILED';
    throw new AegisError(told, `${graphqlUrl} answered: ${error.message}`);
  }
  return response.data;
}

async function post(url: string, init: RequestInit): Promise<Response> {
  let text = '';
  try {
    const response = await fetch(url, init);
    text = await response.text();
    const body = JSON.parse(text) as Response | null;
    if (body !== null && typeof body === 'object' && (body.errors ?? body.data)) return body;
  } catch (error) {
    if (text === '')
      throw new AegisError('UPSTREAM_FAILED', `${url} did not answer: ${describe(error)}`, { cause: error });
  }
  throw new AegisError(
    'UPSTREAM_FAILED',
    `Expected a GraphQL response from ${url}, got: ${text.slice(0, 200)}`,
  );
}

/** The reason of a failed fetch stands in its cause; one that tried several addresses has only a code. */
function describe(error: unknown): string {
  const { message, cause } = error as { readonly message: string; readonly cause?: unknown };
  if (typeof cause !== 'object' || cause === null) return message;
  const { message: reason, code } = cause as { readonly message?: string; readonly code?: string };
  return [reason, code, message].find((text) => text !== undefined && text !== '') ?? '';
}
