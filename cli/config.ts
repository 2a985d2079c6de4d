import { z } from 'zod';
import { settings as gatewaySettings } from '../gateway/config.js';
import { keyValues } from '../kernel/config/key-values.js';
import { readWith } from '../kernel/config/read-with.js';
import type { SettingsOf } from '../kernel/config/settings.js';
import { wholeNumber } from '../kernel/config/whole-number.js';
import { parseApiKeys } from '../kernel/identity/api-keys.js';
import { MIN_SECRET_CHARACTERS, TOKEN_ALGORITHMS } from '../kernel/identity/json-web-tokens.js';

/** Where a process listens. */
const listenSettings = {
  host: {
    env: 'AEGIS_HOST',
    flag: 'host',
    description:
      'The address to listen on. Any but a loopback address needs AEGIS_API_KEYS or signed tokens (AEGIS_JWT_…).',
    expects: 'a host name or an IP address',
    schema: z.string().min(1).default('127.0.0.1'),
  },
  port: wholeNumber({
    env: 'AEGIS_PORT',
    flag: 'port',
    description: 'The TCP port to listen on; 0 takes any free one.',
    minimum: 0,
    maximum: 65_535,
    initial: 4_000,
  }),
} as const;

/** What every process writes and whom it lets in. */
export const processSettings = {
  logLevel: {
    env: 'AEGIS_LOG_LEVEL',
    flag: 'log-level',
    description: 'The least serious lines that the log holds.',
    expects: 'one of trace, debug, info, warn, error, fatal, silent',
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  },
  logFormat: {
    env: 'AEGIS_LOG_FORMAT',
    description:
      'How log lines look: json for machines, pretty for people, auto by whether a terminal reads them.',
    expects: 'one of auto, json, pretty',
    schema: z.enum(['auto', 'json', 'pretty']).default('auto'),
  },
  apiKeys: {
    env: 'AEGIS_API_KEYS',
    description:
      'Who is let in, as [workspace:]key, comma-separated; a key has at least 24 characters. Without any, everybody on this machine is let in, and nobody else.',
    expects: '[workspace:]key, comma-separated, each key with at least 24 characters',
    schema: z.string().default('').transform(readWith(parseApiKeys)),
    secret: true,
  },
  handOverSecret: {
    env: 'AEGIS_HANDOVER_SECRET',
    description: 'Shared by the gateway and its subgraphs: signs who is asking. At least 32 characters.',
    expects: 'at least 32 characters',
    schema: z.string().min(32).optional(),
    secret: true,
  },
} as const;

/** Where traces go. Names that OpenTelemetry has for a setting are taken as they are. */
export const tracingSettings = {
  otlpEndpoint: {
    env: 'AEGIS_OTLP_ENDPOINT',
    description:
      'A collector that takes traces by OTLP over HTTP (binary), such as http://127.0.0.1:4318. Nothing is traced by default.',
    expects: 'a URL such as http://127.0.0.1:4318',
    schema: z.url({ protocol: /^https?$/ }).optional(),
  },
  otlpHeaders: {
    env: 'OTEL_EXPORTER_OTLP_HEADERS',
    description: 'What the collector is told with each request, such as a key: name=value, comma-separated.',
    expects: 'name=value, comma-separated, percent-encoded where need be',
    schema: keyValues.optional(),
    secret: true,
  },
  serviceName: {
    env: 'OTEL_SERVICE_NAME',
    description: 'What this process is called in traces.',
    expects: 'a name',
    schema: z.string().min(1).default('aegis'),
  },
  resourceAttributes: {
    env: 'OTEL_RESOURCE_ATTRIBUTES',
    description:
      'What else traces say of this process: name=value, comma-separated, such as deployment.environment.name=test.',
    expects: 'name=value, comma-separated, percent-encoded where need be',
    schema: keyValues.optional(),
  },
  traceRatio: {
    env: 'OTEL_TRACES_SAMPLER_ARG',
    description:
      'The part of the traces that is recorded of those that begin here, from 0 to 1. Others are as their beginning says.',
    expects: 'a number from 0 to 1',
    schema: z.coerce.number().min(0).max(1).default(1),
  },
} as const;

const claim = (env: string, what: string, initial: string) => ({
  env,
  description: `The claim of a token that ${what}; dots lead into objects, as in realm_access.roles.`,
  expects: 'the name of a claim',
  schema: z.string().min(1).default(initial),
});

/** Which signed tokens (JSON Web Tokens) let clients in beside the keys. */
export const tokenSettings = {
  tokenSecret: {
    env: 'AEGIS_JWT_SECRET',
    description: `The secret by which tokens are signed with HS256. At least ${MIN_SECRET_CHARACTERS} characters.`,
    expects: `at least ${MIN_SECRET_CHARACTERS} characters`,
    schema: z.string().min(MIN_SECRET_CHARACTERS).optional(),
    secret: true,
  },
  tokenKeys: {
    env: 'AEGIS_JWT_KEYS',
    description:
      'The file with the public keys by which tokens are signed (a JWKS, RFC 7517); read at start.',
    expects: 'the path of a file',
    schema: z.string().min(1).optional(),
  },
  tokenAlgorithms: {
    env: 'AEGIS_JWT_ALGORITHMS',
    description:
      'The signatures that are taken, comma-separated. By default HS256 with a secret, and RS256, ES256 and EdDSA with public keys.',
    expects: `some of ${TOKEN_ALGORITHMS.join(', ')}, comma-separated`,
    schema: z
      .string()
      .default('')
      .transform((text) => text.split(',').flatMap((part) => part.trim() || []))
      .pipe(z.array(z.enum(TOKEN_ALGORITHMS))),
  },
  tokenIssuer: {
    env: 'AEGIS_JWT_ISSUER',
    description: 'Who must have issued a token (iss). Not looked at by default.',
    expects: 'the issuer as its tokens name it',
    schema: z.string().min(1).optional(),
  },
  tokenAudience: {
    env: 'AEGIS_JWT_AUDIENCE',
    description:
      'Whom a token must be for (aud). Not looked at by default: set it where the issuer serves others too.',
    expects: 'the audience as tokens name it',
    schema: z.string().min(1).optional(),
  },
  tokenSubjectClaim: claim('AEGIS_JWT_SUBJECT_CLAIM', 'names who is asking', 'sub'),
  tokenWorkspaceClaim: claim(
    'AEGIS_JWT_WORKSPACE_CLAIM',
    'names the workspace it opens, which is the default one when a token has no such claim',
    'workspace',
  ),
  tokenRolesClaim: claim('AEGIS_JWT_ROLES_CLAIM', 'lists the roles', 'roles'),
  tokenClockToleranceS: wholeNumber({
    env: 'AEGIS_JWT_CLOCK_TOLERANCE_S',
    description: 'How far the clock of the issuer may be from that of this machine, in seconds.',
    minimum: 0,
    maximum: 600,
    initial: 5,
  }),
} as const;

/** Where rows are kept. */
export const databaseSettings = {
  data: {
    env: 'AEGIS_DATA',
    flag: 'data',
    description: 'The folder of the embedded database. Not used with DATABASE_URL.',
    expects: 'a path',
    schema: z.string().min(1).default('.aegis'),
  },
  databaseUrl: {
    env: 'DATABASE_URL',
    description: 'A Postgres server to use instead of the embedded database.',
    expects: 'a URL such as postgresql://user:password@host:5432/database',
    schema: z.url({ protocol: /^postgres(?:ql)?$/ }).optional(),
    secret: true,
  },
  databasePoolSize: wholeNumber({
    env: 'AEGIS_DATABASE_POOL_SIZE',
    description: 'The most connections to the Postgres server.',
    minimum: 1,
    maximum: 1_000,
    initial: 10,
  }),
} as const;

/** Whether the machine measures itself. */
const probeSettings = {
  probe: {
    env: 'AEGIS_PROBE',
    flag: 'no-probe',
    description: 'Leaves out the probe that measures this machine (AEGIS_PROBE=false).',
    expects: 'true or false',
    schema: z.stringbool().default(true),
  },
} as const;

/** What outlives a gateway of what it was told. */
const registeredSettings = {
  registered: {
    env: 'AEGIS_REGISTERED',
    flag: 'registered',
    description:
      'The file that keeps the subgraphs that are registered while the gateway runs. Without it, and without a data folder, they are forgotten with the process.',
    expects: 'the path of a file, which need not be there yet',
    schema: z.string().min(1).optional(),
  },
} as const;

/** The supergraph of a gateway that stands alone. */
const supergraphSettings = {
  supergraph: {
    env: 'AEGIS_SUPERGRAPH',
    flag: 'supergraph',
    description: 'The file with the supergraph SDL; it names the subgraphs and their addresses.',
    expects: 'the path of a supergraph SDL file',
    schema: z.string().min(1),
  },
} as const;

export type TokenSettings = SettingsOf<typeof tokenSettings>;
export type ProcessSettings = SettingsOf<typeof processSettings>;
export type DatabaseSettings = SettingsOf<typeof databaseSettings>;

/** The settings of `aegis start`, without those of the subgraphs. */
export const startSettings = {
  ...listenSettings,
  ...databaseSettings,
  ...registeredSettings,
  ...probeSettings,
  ...processSettings,
  ...tracingSettings,
  ...tokenSettings,
  ...gatewaySettings,
};

/** The settings of `aegis gateway`. */
export const gatewayProcessSettings = {
  ...supergraphSettings,
  ...registeredSettings,
  ...listenSettings,
  ...gatewaySettings,
  ...processSettings,
  ...tracingSettings,
  ...tokenSettings,
};

/** The settings of `aegis subgraph`, without those of the subgraph itself. */
export const subgraphProcessSettings = {
  host: listenSettings.host,
  port: {
    ...listenSettings.port,
    description:
      'The TCP port to listen on; 0 takes any free one. By default the one in schema/supergraph.graphql.',
    schema: listenSettings.port.schema.optional(),
  },
  ...databaseSettings,
  ...processSettings,
  ...tracingSettings,
  // A subgraph in a process of its own is open to nobody without a key.
  apiKeys: {
    ...processSettings.apiKeys,
    schema: z.string().transform(readWith(parseApiKeys)),
  },
  handOverSecret: {
    ...processSettings.handOverSecret,
    schema: processSettings.handOverSecret.schema.unwrap(),
  },
  subgraphName: {
    env: 'AEGIS_SUBGRAPH_NAME',
    flag: 'name',
    description:
      'Its name in the supergraph of the gateway, whose tokens are good for that name alone. By default NAME.',
    expects: 'a name',
    schema: z.string().min(1).optional(),
  },
};
