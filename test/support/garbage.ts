import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { waitFor } from './wait-for.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Waits until nothing but the references themselves knows of the objects, by collecting what is garbage. */
export async function untilCollected(what: string, references: readonly WeakRef<object>[]): Promise<void> {
  await waitFor(`nothing holds ${what}`, async () => {
    // Whatever was looked at in a turn of the event loop is held until that turn is over.
    await new Promise(setImmediate);
    collect();
    return references.every((reference) => reference.deref() === undefined);
  });
}
