import { openDeadline, type Deadline } from '../../kernel/lifecycle/open-deadline.js';

/** The time that an operation may take, from now on, unless its client leaves before. */
export function openOperationDeadline(client: AbortSignal, timeoutMs: number): Deadline {
  return openDeadline(client, timeoutMs, `the operation took longer than ${timeoutMs} ms.`);
}
