import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../kernel/database/database.js';
import { createEventLog, type EventLog } from '../../../kernel/events/event-log.js';
import { openFactStream, type FactDelivery } from '../../../kernel/events/fact-stream.js';
import { createInProcessLiveBus } from '../../../kernel/events/in-process-live-bus.js';
import { newId } from '../../../kernel/ids/ids.js';
import { parseWorkspaceId, type WorkspaceId } from '../../../kernel/identity/principal.js';
import { openTestDatabase } from '../../support/embedded-database.js';

const DAY_MS = 86_400_000;

describe('a stream of facts', () => {
  const bus = createInProcessLiveBus();
  let database: Database;
  let log: EventLog;
  let now = new Date('2026-01-31T12:00:00.000Z');

  beforeAll(async () => {
    database = await openTestDatabase();
    log = createEventLog({ database, bus, now: () => now });
  });
  afterAll(async () => {
    await database.close();
  });

  function newWorkspace(): WorkspaceId {
    const workspace = parseWorkspaceId(newId('w').replace('_', '-'));
    if (!workspace) throw new Error('the id makes no workspace');
    return workspace;
  }

  async function state(workspace: WorkspaceId, ...types: string[]): Promise<void> {
    for (const type of types) {
      await database
        .inWorkspace(workspace)
        .transaction((transaction) => log.append(transaction, { source: '/test', type, data: {} }));
    }
  }

  function open(workspace: WorkspaceId, after?: string) {
    const passes = ({ type }: { readonly type: string }) => type.startsWith('wanted');
    return openFactStream({ log, bus }, { workspace, kind: 'tst', passes, after });
  }

  async function take(stream: AsyncIterator<FactDelivery>, count: number): Promise<FactDelivery[]> {
    const taken: FactDelivery[] = [];
    while (taken.length < count) {
      const { value, done } = await stream.next();
      if (done) break;
      taken.push(value);
    }
    return taken;
  }

  const typesOf = (deliveries: readonly FactDelivery[]) => deliveries.map(({ event }) => event.type);

  it('gives what passes, from the next fact on, in order', async () => {
    const workspace = newWorkspace();
    await state(workspace, 'wanted.before');
    const stream = open(workspace);
    const taking = take(stream, 2);
    // The stream is at its place once it has read it, which is before anything is appended after this.
    await log.ends(workspace);
    await state(workspace, 'wanted.1', 'other', 'wanted.2');
    expect(typesOf(await taking)).toEqual(['wanted.1', 'wanted.2']);
    await stream.return?.();
  });

  it('goes on behind a cursor with what was missed, without a double', async () => {
    const workspace = newWorkspace();
    const first = open(workspace);
    const taking = take(first, 1);
    await log.ends(workspace);
    await state(workspace, 'wanted.1');
    const [seen] = await taking;
    await first.return?.();
    await state(workspace, 'other', 'wanted.2');
    const second = open(workspace, seen?.cursor);
    const resumed = take(second, 2);
    await state(workspace, 'wanted.3');
    const deliveries = await resumed;
    expect(typesOf(deliveries)).toEqual(['wanted.2', 'wanted.3']);
    expect(deliveries.map(({ gap }) => gap)).toEqual([false, false]);
    await second.return?.();
  });

  it('says so when retention has removed what was missed', async () => {
    const workspace = newWorkspace();
    const first = open(workspace);
    const taking = take(first, 1);
    await log.ends(workspace);
    await state(workspace, 'wanted.1');
    const [seen] = await taking;
    await first.return?.();
    await state(workspace, 'wanted.2');
    now = new Date(now.getTime() + DAY_MS);
    await state(workspace, 'wanted.3');
    expect(await log.prune(workspace, now, 100)).toBe(2);
    const second = open(workspace, seen?.cursor);
    const [delivery] = await take(second, 1);
    expect(delivery).toMatchObject({ gap: true, event: { type: 'wanted.3' } });
    await second.return?.();
  });

  it('ends at once when its reader leaves while it waits', async () => {
    const stream = open(newWorkspace());
    const waiting = stream.next();
    await stream.return?.();
    expect(await waiting).toEqual({ value: undefined, done: true });
  });

  it('refuses a cursor of another stream', () => {
    expect(() => open(newWorkspace(), 'cmRnOjE')).toThrow('expected the cursor of an earlier event');
  });

  it('keeps what a consumer has not seen', async () => {
    const workspace = newWorkspace();
    await state(workspace, 'wanted.1', 'wanted.2');
    const [seen] = await log.readAfter(workspace, 0n, 1);
    const { client } = database.inWorkspace(workspace);
    await client.eventCursor.create({
      data: { workspaceId: workspace, consumer: 'slow', sequence: seen?.sequence ?? 0n },
    });
    expect(await log.prune(workspace, new Date(now.getTime() + DAY_MS), 100)).toBe(1);
    expect((await log.readAfter(workspace, 0n, 10)).map(({ type }) => type)).toEqual(['wanted.2']);
    expect(await log.ends(workspace)).toMatchObject({ pruned: seen?.sequence });
  });
});
