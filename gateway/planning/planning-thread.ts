/* The planning thread: started as a worker (see start-planning-thread.ts), imported by nobody. */
import { parentPort } from 'node:worker_threads';
import type { AnswerMessage, TaskMessage } from './planning-task.js';
import { createPlanningTaskRunner, describeProblem } from './run-planning-task.js';

const port = parentPort;
if (!port) throw new Error('expected to be started as a worker');
const runner = createPlanningTaskRunner();

function answer({ id, task }: TaskMessage): AnswerMessage {
  try {
    return { id, result: runner.run(task) };
  } catch (error) {
    return { id, problem: describeProblem(error) };
  }
}

port.on('message', (message: TaskMessage) => {
  port.postMessage(answer(message));
  if (message.task.kind !== 'open') return;
  try {
    // Whoever opened it now builds its schema; the first plan need not wait for the planner afterwards.
    runner.prepare(message.task.supergraph);
  } catch {
    // The first plan will say why.
  }
});
