/* Loaded into a gateway by `node --import`, ours and the peers' alike: a timer that is due every few milliseconds tells how
 * long the main thread was kept from it. */
import { Buffer } from 'node:buffer';
import { closeSync, openSync, readSync } from 'node:fs';
import { performance, PerformanceObserver } from 'node:perf_hooks';
import process from 'node:process';
import { setInterval } from 'node:timers';
import { isMainThread } from 'node:worker_threads';

/** A block of b ms shows as b to b + PERIOD_MS. */
const PERIOD_MS = 2;
const GOAL_MS = 10;

/** Milliseconds that the main thread has waited for a processor so far. Source: /proc/pid/schedstat, second field, in ns. */
function createWaitClock() {
  try {
    const file = openSync(`/proc/self/task/${process.pid}/schedstat`, 'r');
    process.once('exit', () => closeSync(file));
    const bytes = Buffer.alloc(96);
    return () => {
      const length = readSync(file, bytes, 0, bytes.length, 0);
      return Number(bytes.toString('latin1', 0, length).split(' ')[1]) / 1e6;
    };
  } catch {
    return undefined;
  }
}

/** What it tells is LoopFigures of bench/support/gateways.ts. */
function createMonitor() {
  const readWait = createWaitClock();
  const none = { longestMs: 0, longestOwnMs: 0, longestCollectionMs: 0, longerThan10: 0 };
  let seen = { ...none };
  let lastAt = performance.now();
  let lastWait = readWait?.() ?? 0;

  const timer = setInterval(() => {
    const now = performance.now();
    const wait = readWait?.() ?? 0;
    const gap = now - lastAt;
    const own = readWait ? gap - (wait - lastWait) : 0;
    lastAt = now;
    lastWait = wait;
    seen.longestMs = Math.max(seen.longestMs, gap);
    seen.longestOwnMs = Math.max(seen.longestOwnMs, own);
    if (own > GOAL_MS) seen.longerThan10 += 1;
  }, PERIOD_MS);
  timer.unref();

  const collections = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries())
      seen.longestCollectionMs = Math.max(seen.longestCollectionMs, duration);
  });
  collections.observe({ entryTypes: ['gc'] });

  return {
    read() {
      const figures = seen;
      seen = { ...none };
      return figures;
    },
  };
}

if (isMainThread && process.send) {
  const monitor = createMonitor();
  process.on('message', (message) => {
    if (message === 'read the event loop') process.send?.(monitor.read());
  });
  process.channel?.unref();
}
