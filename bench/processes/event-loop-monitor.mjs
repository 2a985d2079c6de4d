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
const WORTH_KEEPING_MS = 5;
const MOST_KEPT = 20_000;

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
  /** Times between two turns that were too long, and the pauses of the garbage collector, since it was last asked. */
  let gaps = [];
  let pauses = [];
  let lastAt = performance.now();
  let lastWait = readWait?.() ?? 0;

  const timer = setInterval(() => {
    const now = performance.now();
    const wait = readWait?.() ?? 0;
    const ms = now - lastAt;
    const ownMs = readWait ? ms - (wait - lastWait) : 0;
    if (ms > WORTH_KEEPING_MS && gaps.length < MOST_KEPT) gaps.push({ from: lastAt, to: now, ms, ownMs });
    lastAt = now;
    lastWait = wait;
  }, PERIOD_MS);
  timer.unref();

  const collections = new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries())
      if (pauses.length < MOST_KEPT) pauses.push({ from: startTime, to: startTime + duration });
  });
  collections.observe({ entryTypes: ['gc'] });

  return {
    read() {
      const figures = describe(gaps, pauses);
      gaps = [];
      pauses = [];
      return figures;
    },
  };
}

function describe(gaps, pauses) {
  const most = (values) => values.reduce((longest, value) => Math.max(longest, value), 0);
  const collectedIn = ({ from, to }) =>
    pauses.reduce((sum, pause) => sum + Math.max(0, Math.min(to, pause.to) - Math.max(from, pause.from)), 0);
  return {
    longestMs: most(gaps.map(({ ms }) => ms)),
    longestOwnMs: most(gaps.map(({ ownMs }) => ownMs)),
    longestWorkMs: most(gaps.map((gap) => Math.min(gap.ownMs, gap.ms - collectedIn(gap)))),
    longestCollectionMs: most(pauses.map(({ from, to }) => to - from)),
    longerThan10: gaps.filter(({ ownMs }) => ownMs > GOAL_MS).length,
  };
}

if (isMainThread && process.send) {
  const monitor = createMonitor();
  process.on('message', (message) => {
    if (message === 'read the event loop') process.send?.(monitor.read());
  });
  process.channel?.unref();
}
