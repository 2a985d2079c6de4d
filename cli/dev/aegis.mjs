// `aegis` from a checkout: builds what is stale, then runs the built command in this process, so that Ctrl-C reaches it.
import { clearInterval, setInterval } from 'node:timers';

await import('./build.mjs');
if (process.exitCode === undefined) {
  if (process.env.npm_lifecycle_event !== undefined) stopWithParent();
  await import('../../dist/cli/main.js');
}

/** npm ends the shell that it started us by, and not us: when that is gone, so is whoever wanted us to run. */
function stopWithParent() {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    process.kill(process.pid, 'SIGTERM');
  }, 300);
  timer.unref();
}
