/** The rooms of the gateway in the order in which a request walks them; `library` is a door beside `ingress`. */
const ROOMS = [
  'library',
  'ingress',
  'admin',
  'registration',
  'access',
  'subscriptions',
  'execution',
  'planning',
  'caching',
  'transports',
  'supergraph',
];

const roomRules = ROOMS.slice(1).map((room, index) => ({
  name: `gateway-${room}-looks-right`,
  comment: `A request walks the gateway's rooms from left to right and no step calls an earlier one: ${room} may not know ${ROOMS.slice(0, index + 1).join(', ')}.`,
  severity: 'error',
  from: { path: `^gateway/${room}/` },
  to: { path: `^gateway/(${ROOMS.slice(0, index + 1).join('|')})/` },
}));

const PRODUCT = '^(kernel|gateway|subgraphs|cli)/';
const DATABASE_CLIENT = '(^|/)node_modules/(@prisma|@electric-sql|pg)/';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'gateway-meets-subgraphs-on-the-wire',
      comment:
        'The gateway serves subgraphs of anybody: what it knew of ours would not be in the contract, and would be missing from all others.',
      severity: 'error',
      from: { path: '^gateway/' },
      to: { path: '^subgraphs/' },
    },
    {
      name: 'subgraphs-meet-the-gateway-on-the-wire',
      comment:
        'A subgraph runs as a process of its own behind any federated gateway, so it can rely on nothing of ours but the contract.',
      severity: 'error',
      from: { path: '^subgraphs/' },
      to: { path: '^gateway/' },
    },
    {
      name: 'the-dashboard-is-a-client',
      comment:
        'The dashboard is a client like any other: it speaks GraphQL, and could be served from anywhere.',
      severity: 'error',
      from: { path: '^dashboard/', pathNot: '^dashboard/vite[.]config[.]ts$' },
      to: { path: '^(gateway|subgraphs|kernel|cli)/' },
    },
    {
      name: 'nobody-imports-the-dashboard',
      comment: 'It runs in browsers; its tests look at its documents and drive it in one.',
      severity: 'error',
      from: { path: PRODUCT },
      to: { path: '^dashboard/' },
    },
    {
      name: 'subgraphs-are-strangers',
      comment:
        'Reads cross by entity reference through the graph and facts by the event log; a subgraph that wants the rule of another is drawn wrong.',
      severity: 'error',
      from: { path: '^subgraphs/([^/]+)/' },
      to: { path: '^subgraphs/', pathNot: '^subgraphs/$1/' },
    },
    {
      name: 'a-subgraph-has-one-door',
      comment:
        'Outsiders take a subgraph through its subgraph.ts (and the table of its settings, config.ts; edge.ts is what of it runs beside devices), so that its inside can change.',
      severity: 'error',
      from: { path: '^(cli|gateway|kernel|bench|test)/', pathNot: '^test/subgraphs/' },
      to: { path: '^subgraphs/', pathNot: '^subgraphs/[^/]+/(subgraph|config|edge)[.]ts$' },
    },
    {
      name: 'tests-open-only-their-own-subgraph',
      comment: 'The tests of a subgraph mirror it: they may see its inside, and of another only the door.',
      severity: 'error',
      from: { path: '^test/subgraphs/([^/]+)/' },
      to: { path: '^subgraphs/', pathNot: ['^subgraphs/$1/', '^subgraphs/[^/]+/(subgraph|config)[.]ts$'] },
    },
    {
      name: 'kernel-knows-nobody',
      comment: 'The kernel is what strangers share: what it knew of one of them, all would depend on.',
      severity: 'error',
      from: { path: '^kernel/' },
      to: { path: '^(gateway|subgraphs|cli|test|bench)/' },
    },
    {
      name: 'nobody-imports-the-command',
      comment: 'The command puts the parts together; a part that imported it would know every other part.',
      severity: 'error',
      from: { path: '^(gateway|subgraphs|kernel)/' },
      to: { path: '^cli/' },
    },
    ...roomRules,
    {
      name: 'agents-have-one-door',
      comment:
        'The server registers the endpoint for agents and reads its settings; the rest, and the kit of the protocol, is loaded for the first agent only.',
      severity: 'error',
      from: { path: '^(gateway|cli|kernel|subgraphs)/', pathNot: '^gateway/ingress/mcp/' },
      to: {
        path: ['^gateway/ingress/mcp/', '(^|/)node_modules/(@modelcontextprotocol|minisearch)/'],
        pathNot: '^gateway/ingress/mcp/mcp-(routes|settings)[.]ts$',
      },
    },
    {
      name: 'prisma-stays-in-the-database',
      comment:
        'Rows are reached through a workspace: the bare client, which knows of none, is for kernel/database alone; others take the types of kernel/database/workspace.ts.',
      severity: 'error',
      from: { path: '^(kernel|gateway|subgraphs|cli|test|bench)/', pathNot: '^kernel/database/' },
      to: { path: ['^kernel/database/generated/', '(^|/)node_modules/(@prisma|prisma)/'] },
    },
    {
      name: 'drivers-stay-in-the-database',
      comment:
        'Which Postgres serves the rows is decided in kernel/database; a second way to it would pass by the workspace. Tests may look at the bare tables.',
      severity: 'error',
      from: { path: PRODUCT, pathNot: '^kernel/database/' },
      to: { path: DATABASE_CLIENT },
    },
    {
      name: 'the-gateway-keeps-no-rows',
      comment: 'The gateway alone runs without a database, in front of subgraphs that are not ours.',
      severity: 'error',
      from: { path: '^gateway/' },
      to: { path: '^kernel/(database|events)/' },
    },
    {
      name: 'storage-is-a-job',
      comment:
        'Rows are read and written by files whose job is storage (registry.ts, those of storage/, readings/ and samples/); the others hold a database only to hand it on, so that a change of table stays there.',
      severity: 'error',
      from: {
        path: '^(kernel|subgraphs|cli)/',
        pathNot: [
          '/registry[.]ts$',
          '^subgraphs/[^/]+/(readings|samples)/',
          '^subgraphs/.*/storage/',
          '^kernel/(database|events)/',
        ],
      },
      to: { path: '^kernel/database/workspace[.]ts$' },
    },
    {
      name: 'no-cycles',
      comment: 'Files that import each other can only be read, tested and moved together.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'product-needs-no-development-tools',
      comment: 'Development dependencies are not installed where Aegis runs.',
      severity: 'error',
      from: { path: PRODUCT, pathNot: ['^cli/dev/', '^gateway/ingress/pages/'] },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only', 'npm'] },
    },
    {
      name: 'every-dependency-is-declared',
      comment: 'A package that is not in package.json is there by accident, in a version by accident.',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'imports-lead-somewhere',
      comment: 'An import that cannot be resolved fails when it is run.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '/generated/' },
    },
    {
      name: 'product-does-not-import-tests',
      comment: 'Tests are not installed where Aegis runs.',
      severity: 'error',
      from: { path: PRODUCT },
      to: { path: '^(test|bench)/' },
    },
    {
      name: 'no-orphans',
      comment: 'A file that nobody imports and that imports nobody is either unfinished or left over.',
      severity: 'error',
      from: {
        orphan: true,
        path: PRODUCT,
        // The generated types import models.ts; they are not followed.
        pathNot: [
          '^cli/dev/',
          '^subgraphs/[^/]+/models[.]ts$',
          '/generated/',
          '^gateway/ingress/pages/',
          '[.]d[.]ts$',
        ],
      },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '/generated/', '^dist/'] },
    exclude: { path: ['^dist/'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
      mainFields: ['module', 'main', 'types', 'typings'],
      extensions: ['.ts', '.tsx', '.js', '.mjs', '.cjs', '.json'],
    },
    skipAnalysisNotInRules: true,
  },
};
