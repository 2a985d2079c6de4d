import { inspect } from 'node:util';

/** Tells of a failure that must not fail the work it followed: a warning of the process, with its stack. */
export function emitWarning(error: unknown): void {
  process.emitWarning(inspect(error));
}
