import { setMaxListeners } from 'node:events';
import { openDeadline, type Deadline } from '../../kernel/lifecycle/open-deadline.js';

/** The time that an operation may take, from now on, unless its client leaves before. */
export function openOperationDeadline(client: AbortSignal, timeoutMs: number): Deadline {
  const deadline = openDeadline(client, timeoutMs, `the operation took longer than ${timeoutMs} ms.`);
  // Each fetch and each part that is under way listens to it; more than ten are no leak.
  setMaxListeners(0, deadline.signal);
  return deadline;
}
