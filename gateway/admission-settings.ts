import { z } from 'zod';
import { wholeNumber } from '../kernel/config/whole-number.js';
import {
  ADMISSION_DEFAULTS,
  INTROSPECTION_MODES,
  TRUSTED_DOCUMENT_MODES,
} from './access/admission-settings.js';
import { MCP_DEFAULTS, MCP_MODES } from './ingress/mcp/mcp-settings.js';
import { OPERATION_LIMITS } from './planning/operation-limit-settings.js';

const MILLION = 1_000_000;

/** The settings that say which operations the gateway takes. */
export const admissionSettings = {
  trustedDocumentsFile: {
    env: 'AEGIS_TRUSTED_DOCUMENTS',
    flag: 'trusted-documents',
    description:
      'A manifest of operations that clients may ask for by an id: the one of Apollo, or a plain object of texts by hash. It is watched.',
    expects: 'the path of a JSON file',
    schema: z.string().min(1).optional(),
  },
  trustedDocumentsMode: {
    env: 'AEGIS_TRUSTED_DOCUMENTS_MODE',
    description: 'Whether other operations run beside those of the manifest (allow) or not (strict).',
    expects: TRUSTED_DOCUMENT_MODES.join(', '),
    schema: z.enum(TRUSTED_DOCUMENT_MODES).default(ADMISSION_DEFAULTS.trustedDocumentsMode),
  },
  persistedQueries: {
    env: 'AEGIS_PERSISTED_QUERIES',
    description:
      'Whether clients may send an operation once, and later only its hash (automatic persisted queries).',
    expects: 'true or false',
    schema: z.stringbool().default(ADMISSION_DEFAULTS.persistedQueries),
  },
  introspection: {
    env: 'AEGIS_INTROSPECTION',
    description:
      'Who may ask about the schema: on (everybody), off (nobody) or admin (the role of this name).',
    expects: INTROSPECTION_MODES.join(', '),
    schema: z.enum(INTROSPECTION_MODES).default(ADMISSION_DEFAULTS.introspection),
  },
  mcp: {
    env: 'AEGIS_MCP',
    description:
      'Whether AI agents may connect at /mcp (Model Context Protocol): on, off, or auto, which is on where there are no API keys or tokens (then for this machine only) and where there are trusted documents.',
    expects: MCP_MODES.join(', '),
    schema: z.enum(MCP_MODES).default(MCP_DEFAULTS.mcp),
  },
  mcpMutations: {
    env: 'AEGIS_MCP_MUTATIONS',
    description:
      'Whether agents may write mutations of their own; those of trusted documents they may run in any case.',
    expects: 'true or false',
    schema: z.stringbool().default(MCP_DEFAULTS.mcpMutations),
  },
  maxBatch: wholeNumber({
    env: 'AEGIS_MAX_BATCH',
    description: 'The most operations that one HTTP request may bring as a list; 0 takes no lists.',
    minimum: 0,
    maximum: 1_000,
    initial: 0,
  }),
  explain: {
    env: 'AEGIS_EXPLAIN',
    description: 'Whether administrators get the plan of an operation that they send with ?explain.',
    expects: 'true or false',
    schema: z.stringbool().default(true),
  },
  compressionBytes: wholeNumber({
    env: 'AEGIS_COMPRESSION_BYTES',
    description:
      'From how many bytes on responses are compressed for clients that accept it; 0 compresses none.',
    minimum: 0,
    maximum: 1_000 * MILLION,
    initial: 1_024,
  }),
  maxFiles: wholeNumber({
    env: 'AEGIS_MAX_FILES',
    description:
      'The most files that one mutation may bring by the multipart request specification; 0 takes none. They are held in memory.',
    minimum: 0,
    maximum: 100,
    initial: 0,
  }),
  maxFileBytes: wholeNumber({
    env: 'AEGIS_MAX_FILE_BYTES',
    description: 'The largest of these files, in bytes.',
    minimum: 1,
    maximum: 1_073_741_824,
    initial: 5_242_880,
  }),
  accessLogPercent: wholeNumber({
    env: 'AEGIS_ACCESS_LOG_PERCENT',
    description: 'How many of a hundred operations have a line in the log; 0 for none.',
    minimum: 0,
    maximum: 100,
    initial: 0,
  }),
  maxMetricNames: wholeNumber({
    env: 'AEGIS_MAX_METRIC_NAMES',
    description:
      'How many names of operations, and how many of clients, the metrics tell apart; all others are one.',
    minimum: 0,
    maximum: 100_000,
    initial: 200,
  }),
  maxTokens: wholeNumber({
    env: 'AEGIS_MAX_TOKENS',
    description: 'The most tokens that the document of an operation may have.',
    minimum: 100,
    maximum: MILLION,
    initial: OPERATION_LIMITS.maxTokens,
  }),
  maxSelections: wholeNumber({
    env: 'AEGIS_MAX_SELECTIONS',
    description: 'The most selections that an operation may have once its fragments are spread.',
    minimum: 10,
    maximum: MILLION,
    initial: OPERATION_LIMITS.maxSelections,
  }),
  maxDepth: wholeNumber({
    env: 'AEGIS_MAX_DEPTH',
    description: 'The most fields inside each other that an operation may have.',
    minimum: 1,
    maximum: 10_000,
    initial: OPERATION_LIMITS.maxDepth,
  }),
  maxIntrospectionDepth: wholeNumber({
    env: 'AEGIS_MAX_INTROSPECTION_DEPTH',
    description: 'The same for questions about the schema; those of tools go 15 deep.',
    minimum: 1,
    maximum: 10_000,
    initial: OPERATION_LIMITS.maxIntrospectionDepth,
  }),
  maxAliases: wholeNumber({
    env: 'AEGIS_MAX_ALIASES',
    description: 'The most aliases that an operation may have once its fragments are spread.',
    minimum: 0,
    maximum: MILLION,
    initial: OPERATION_LIMITS.maxAliases,
  }),
  maxRootFields: wholeNumber({
    env: 'AEGIS_MAX_ROOT_FIELDS',
    description: 'The most fields of the root type that an operation may have.',
    minimum: 1,
    maximum: MILLION,
    initial: OPERATION_LIMITS.maxRootFields,
  }),
  maxDirectives: wholeNumber({
    env: 'AEGIS_MAX_DIRECTIVES',
    description: 'The most directives that one selection may have.',
    minimum: 0,
    maximum: 10_000,
    initial: OPERATION_LIMITS.maxDirectives,
  }),
  maxRecursion: wholeNumber({
    env: 'AEGIS_MAX_RECURSION',
    description:
      'The most objects of one type inside each other that an operation may ask for, as a friend of a friend.',
    minimum: 1,
    maximum: 10_000,
    initial: OPERATION_LIMITS.maxRecursion,
  }),
  maxListSize: wholeNumber({
    env: 'AEGIS_MAX_LIST_SIZE',
    description:
      'The most that the arguments first and last, and the slicing arguments of @listSize, may ask for.',
    minimum: 1,
    maximum: 1_000 * MILLION,
    initial: OPERATION_LIMITS.maxListSize,
  }),
  maxCost: wholeNumber({
    env: 'AEGIS_MAX_COST',
    description:
      'The most that an operation may cost, as computed from @cost and @listSize before it runs; 0 for no limit.',
    minimum: 0,
    maximum: 1_000_000 * MILLION,
    initial: OPERATION_LIMITS.maxCost,
  }),
  defaultListSize: wholeNumber({
    env: 'AEGIS_DEFAULT_LIST_SIZE',
    description: 'How long that computation takes a list to be about which nothing is known.',
    minimum: 0,
    maximum: MILLION,
    initial: OPERATION_LIMITS.defaultListSize,
  }),
} as const;
