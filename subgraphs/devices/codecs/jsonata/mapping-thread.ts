/* The thread that evaluates mappings, so that one without an end stalls nobody else. Started by start-mapping-thread.ts. */
import { parentPort, type MessagePort } from 'node:worker_threads';
import jsonata from 'jsonata';
import { LRUCache } from 'lru-cache';
import type { MappingAnswer, MappingTask } from './mapping-task.js';

/** What one evaluation may take; the deadline of the thread is behind it, for what these do not bound. */
const LIMITS = { timeout: 200, stack: 500, sequence: 100_000 };
/** How many expressions are kept compiled, the most recently used. */
const CAPACITY = 500;

/** Answers one task after the other: the next is sent only when the last was answered. */
function serve(port: MessagePort): void {
  const compiled = new LRUCache<string, jsonata.Expression>({ max: CAPACITY });

  async function evaluate({ id, expression, text }: MappingTask): Promise<MappingAnswer> {
    try {
      const known = compiled.get(expression) ?? jsonata(expression, LIMITS);
      compiled.set(expression, known);
      const result: unknown = await known.evaluate(JSON.parse(text));
      return { id, text: JSON.stringify(result) };
    } catch (error) {
      const { message } = error as { readonly message?: unknown };
      return { id, fault: typeof message === 'string' ? message.slice(0, 200) : 'it failed' };
    }
  }

  port.on('message', (task: MappingTask) => {
    void evaluate(task).then((answer) => {
      port.postMessage(answer);
    });
  });
}

if (parentPort) serve(parentPort);
