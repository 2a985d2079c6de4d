// `aegis` from a checkout: builds what is stale, then runs the built command in this process, so that signals reach it.
await import('./build.mjs');
if (process.exitCode === undefined) await import('../../dist/cli/main.js');
