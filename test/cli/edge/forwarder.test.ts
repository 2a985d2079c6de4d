import { createServer, type Server } from 'node:http';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openDeadLetters } from '../../../cli/edge/dead-letters.js';
import { createEdgeMetrics } from '../../../cli/edge/edge-metrics.js';
import { createForwarder, type Forwarder } from '../../../cli/edge/forwarder.js';
import { createHubClient } from '../../../cli/edge/hub-client.js';
import { openMessageLog, type MessageLog } from '../../../cli/edge/message-log.js';
import { createLogger } from '../../../kernel/telemetry/logger.js';
import { createMetrics } from '../../../kernel/telemetry/metrics.js';
import { waitFor } from '../../support/wait-for.js';

interface Line {
  readonly device: string;
  readonly payload: string;
}

/** What the hub answers to a request: a status, or a result for each message. */
type Answer = (lines: readonly Line[]) => number | readonly object[];

const logger = createLogger({ level: 'silent', pretty: false });
const taken = { accepted: 1, repeated: 0 };
const textOf = ({ payload }: Line) => Buffer.from(payload, 'base64').toString();

let folder: string;
let hub: Server;
let hubUrl: string;
let log: MessageLog;
let forwarder: Forwarder;
let answer: Answer;
let requests: string[][];
let closeLetters: () => Promise<void>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aegis-forwarder-'));
  requests = [];
  answer = (lines) => lines.map(() => taken);
  hub = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const lines = body
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Line);
      requests.push(lines.map(textOf));
      const given = answer(lines);
      if (typeof given === 'number') response.writeHead(given).end();
      else response.end(JSON.stringify({ results: given }));
    });
  });
  await new Promise<void>((resolve) => hub.listen(0, '127.0.0.1', resolve));
  const address = hub.address();
  hubUrl = `http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}`;
  log = await openMessageLog({ folder, maxBytes: 1_000_000, logger });
  const deadLetters = await openDeadLetters({ folder });
  closeLetters = () => deadLetters.close();
  forwarder = createForwarder({
    ...{ log, deadLetters, logger, metrics: createEdgeMetrics(createMetrics(), log) },
    ...{ hub: createHubClient({ hubUrl, apiKey: 'key' }), firstPauseMs: 5, maxPauseMs: 20 },
  });
});
afterEach(async () => {
  await forwarder.close();
  await closeLetters();
  await log.close();
  hub.closeAllConnections();
  await new Promise((resolve) => hub.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

async function append(...texts: string[]): Promise<void> {
  await Promise.all(
    texts.map((text) => log.append({ device: 'd', contentType: undefined, payload: Buffer.from(text) })),
  );
}

const untilForwarded = () => waitFor('all is handed on', () => log.use().oldestAtMs === undefined);

describe('the forwarder of an edge', () => {
  it('hands messages on in their order, with the key', async () => {
    await append('a', 'b', 'c');
    forwarder.start();
    await untilForwarded();
    expect(requests.flat()).toEqual(['a', 'b', 'c']);
    expect(forwarder.hub().state).toBe('CONNECTED');
  });

  it('keeps on trying while the hub fails, and tells why', async () => {
    let failing = true;
    answer = (lines) => (failing ? 503 : lines.map(() => taken));
    await append('a');
    forwarder.start();
    await waitFor('it has tried', () => requests.length >= 3);
    expect(forwarder.hub()).toMatchObject({ state: 'AWAY', reason: expect.stringContaining('answered 503') });
    failing = false;
    await untilForwarded();
  });

  it('begins again at the first message that may be taken later', async () => {
    let refused = false;
    answer = (lines) =>
      lines.map((line) => {
        if (textOf(line) !== 'b' || refused) return taken;
        refused = true;
        return { error: { code: 'RATE_LIMITED', message: 'later', retryable: true } };
      });
    await append('a', 'b', 'c');
    forwarder.start();
    await untilForwarded();
    expect(requests).toEqual([
      ['a', 'b', 'c'],
      ['b', 'c'],
    ]);
  });

  it('keeps what will never be taken as dead letters, and goes on', async () => {
    answer = (lines) =>
      lines.map((line) =>
        textOf(line) === 'poison'
          ? { error: { code: 'BAD_USER_INPUT', message: 'no JSON', retryable: false } }
          : taken,
      );
    await append('a', 'poison', 'c');
    forwarder.start();
    await untilForwarded();
    const lines = (await readFile(join(folder, 'dead-letters.ndjson'), 'utf8')).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        code: 'BAD_USER_INPUT',
        reason: 'no JSON',
        device: 'd',
        arrivedAtUs: expect.any(Number),
        payload: Buffer.from('poison').toString('base64'),
      },
    ]);
  });

  it('sends less at once when a request is too large, and gives up only on a message that is too large alone', async () => {
    answer = (lines) =>
      lines.some((line) => textOf(line).length > 10) || lines.length > 2 ? 413 : lines.map(() => taken);
    await append('a', 'b', 'x'.repeat(11), 'c', 'd');
    forwarder.start();
    await untilForwarded();
    const letters = await readFile(join(folder, 'dead-letters.ndjson'), 'utf8');
    expect(letters.trimEnd().split('\n')).toHaveLength(1);
    const delivered = requests.filter(
      (texts) => texts.length <= 2 && texts.every((text) => text.length <= 10),
    );
    expect(delivered.flat()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('never gives a message up for a key that is not let in', async () => {
    answer = () => 401;
    await append('a');
    forwarder.start();
    await waitFor('it has tried', () => requests.length >= 3);
    expect(log.use().oldestAtMs).toBeDefined();
    expect(await readFile(join(folder, 'dead-letters.ndjson'), 'utf8')).toBe('');
  });
});
