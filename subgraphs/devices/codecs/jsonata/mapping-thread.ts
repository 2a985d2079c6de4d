/* The thread that evaluates mappings, so that one without an end stalls nobody else. Started by start-mapping-thread.ts. */
import { parentPort, type MessagePort } from 'node:worker_threads';
import jsonata from 'jsonata';
import { LRUCache } from 'lru-cache';
import type { MappingAnswer, MappingTask } from './mapping-task.js';

/**
 * What one evaluation may take; the deadline of the thread is behind it, for what these do not bound. No limit is one of
 * time: a mapping is refused for what it does, however busy the machine is.
 */
const LIMITS = { stack: 500, sequence: 100_000 };
/** Evaluations of one node of the expression: hundreds for each entry of the largest payload, or some tenths of a second. */
const MAX_STEPS = 200_000;
/** Where JSONata calls whoever wants to know that a node is evaluated. */
const ENTRY = Symbol.for('jsonata.__evaluate_entry');
/** How many expressions are kept compiled, the most recently used. */
const CAPACITY = 500;

/** Answers one task after the other: the next is sent only when the last was answered. */
function serve(port: MessagePort): void {
  const compiled = new LRUCache<string, jsonata.Expression>({ max: CAPACITY });
  let steps = 0;

  function compile(expression: string): jsonata.Expression {
    const made = jsonata(expression, LIMITS);
    // Its types know names of variables alone.
    made.assign(ENTRY as unknown as string, () => {
      steps += 1;
      if (steps > MAX_STEPS)
        throw new Error(`it takes more than ${MAX_STEPS} steps; is there a loop without an end?`);
    });
    return made;
  }

  async function evaluate({ id, expression, text }: MappingTask): Promise<MappingAnswer> {
    port.postMessage({ id, isBegun: true } satisfies MappingAnswer);
    steps = 0;
    try {
      const known = compiled.get(expression) ?? compile(expression);
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
