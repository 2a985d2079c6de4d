import eslint from '@eslint/js';
import prettier from 'eslint-config-prettier';
import jsdoc from 'eslint-plugin-jsdoc';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const PRODUCT = ['kernel/**/*.ts', 'gateway/**/*.ts', 'subgraphs/**/*.ts', 'cli/**/*.ts'];
const TOOL_CONFIGS = ['*.config.{js,ts}', '**/vite.config.ts'];

/** Syntax that the house does without, wherever it stands. */
const NOWHERE = [
  { selector: 'ExportAllDeclaration', message: 'Export each name where it is made: no `export *`.' },
  {
    selector: 'TSEnumDeclaration',
    message: 'Use a union of string literals: an enum is no plain TypeScript.',
  },
  {
    selector: 'ClassDeclaration[superClass]:not([superClass.name=/Error$/])',
    message: 'Compose instead: only errors inherit.',
  },
];
const DEFAULT_EXPORT = {
  selector: 'ExportDefaultDeclaration',
  message: 'Name what you export: default exports are for tool configurations.',
};
const MODULE_STATE = {
  selector:
    'Program > :matches(VariableDeclaration, ExportNamedDeclaration > VariableDeclaration)[kind="let"]',
  message: 'Keep state inside what a factory returns: a module has none.',
};
const ROWS_ELSEWHERE = [
  'MemberExpression[property.name=/^(\\$(queryRaw|executeRaw)(Unsafe)?|find(Many|Unique|First)(OrThrow)?)$/]',
  'MemberExpression[property.name=/^(create|update|delete)Many(AndReturn)?$/]',
  'MemberExpression[property.name=/^(create|update|upsert|delete|count|aggregate|groupBy)$/][object.object.property.name="client"]',
].map((selector) => ({
  selector,
  message: 'Ask a file whose job is storage (registry.ts, storage/, readings/, samples/) for it.',
}));
const STORAGE = [
  '**/registry.ts',
  'subgraphs/*/{readings,samples}/**',
  'subgraphs/*/storage/**',
  'subgraphs/*/*/storage/**',
  'kernel/{database,events}/**',
];

const ENVIRONMENT = {
  'no-restricted-properties': [
    'error',
    {
      object: 'process',
      property: 'env',
      message: 'Take it as a setting: only config.ts files and cli/ read the environment.',
    },
  ],
  'no-restricted-imports': [
    'error',
    ...['process', 'node:process'].map((name) => ({
      name,
      importNames: ['env', 'default'],
      message: 'Take it as a setting: only config.ts files and cli/ read the environment.',
    })),
  ],
};

const FOCUSED_TESTS = {
  'no-restricted-properties': [
    'error',
    ...['it', 'test', 'describe'].map((object) => ({
      object,
      property: 'only',
      message: 'A focused test silently leaves out all others.',
    })),
  ],
  'no-restricted-imports': [
    'error',
    {
      name: '@jest/globals',
      importNames: ['fit', 'fdescribe'],
      message: 'A focused test silently leaves out all others.',
    },
  ],
};

/** Exported things that a reader meets without their surroundings, and so cannot do without a sentence. */
const PUBLIC_DOCS = {
  'jsdoc/require-jsdoc': [
    'error',
    {
      publicOnly: { esm: true, cjs: false, window: false },
      require: { FunctionDeclaration: true, ClassDeclaration: true, ArrowFunctionExpression: false },
      // What a factory is given is explained field by field, and by the factory itself.
      contexts: ['TSInterfaceDeclaration:not([id.name=/(?:Options|Deps)$/])'],
      checkConstructors: false,
      checkGetters: false,
      checkSetters: false,
      enableFixer: false,
    },
  ],
  'jsdoc/require-description': [
    'error',
    { contexts: ['FunctionDeclaration', 'ClassDeclaration', 'TSInterfaceDeclaration'] },
  ],
};

export default defineConfig(
  globalIgnores(['**/dist/', '**/generated/', 'bench/peers/', 'coverage/', '.aegis/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  eslint.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { jsdoc },
    rules: {
      complexity: ['error', 12],
      'max-depth': ['error', 3],
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 80, skipBlankLines: true, skipComments: true }],
      'no-restricted-syntax': ['error', ...NOWHERE, DEFAULT_EXPORT],
      'no-console': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'jsdoc/no-types': 'error',
      'jsdoc/check-tag-names': ['error', { definedTags: [] }],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        {
          allowNumber: true,
          allowAny: false,
          allowBoolean: false,
          allowNever: false,
          allowNullish: false,
          allowRegExp: false,
        },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      // An interface that promises lets an implementation answer at once; `async` turns what it throws into a rejection.
      '@typescript-eslint/require-await': 'off',
      // What a factory returns closes over its state and may be taken apart; a class guards its own by `#private`.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  { files: PRODUCT, rules: { 'no-restricted-syntax': ['error', ...NOWHERE, DEFAULT_EXPORT, MODULE_STATE] } },
  {
    files: PRODUCT,
    ignores: STORAGE,
    rules: { 'no-restricted-syntax': ['error', ...NOWHERE, DEFAULT_EXPORT, MODULE_STATE, ...ROWS_ELSEWHERE] },
  },
  {
    files: ['kernel/**/*.ts', 'gateway/**/*.ts', 'subgraphs/**/*.ts'],
    ignores: ['**/config.ts'],
    rules: ENVIRONMENT,
  },
  { files: ['kernel/**/*.ts', 'gateway/**/*.ts', 'subgraphs/**/*.ts'], rules: PUBLIC_DOCS },
  {
    files: ['test/**/*.ts'],
    rules: {
      ...FOCUSED_TESTS,
      'max-lines-per-function': 'off',
      // A test may look at the inside of a response whose type the wire has lost.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
    },
  },
  { files: ['cli/dev/**', 'bench/**'], rules: { 'no-console': 'off' } },
  { files: TOOL_CONFIGS, rules: { 'no-restricted-syntax': ['error', ...NOWHERE] } },
  {
    files: ['**/*.{js,mjs,cjs}'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        module: 'writable',
        fetch: 'readonly',
      },
    },
  },
  prettier,
);
