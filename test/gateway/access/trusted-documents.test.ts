import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { readTrustedDocuments } from '../../../gateway/access/trusted-documents.js';
import { watchTrustedDocuments } from '../../../gateway/access/watch-trusted-documents.js';
import { waitFor } from '../../support/wait-for.js';

describe('a manifest of trusted documents', () => {
  it('is read in the format of Apollo', () => {
    const body = '# Says hello.\n# To you.\nquery Greet { hello }';
    const operations = [{ id: 'a', name: 'Greet', type: 'query', body }];
    const documents = readTrustedDocuments(
      JSON.stringify({ format: 'apollo-persisted-query-manifest', version: 1, operations }),
    );
    expect(documents.list()).toEqual([
      { id: 'a', name: 'Greet', type: 'query', text: body, description: 'Says hello.\nTo you.' },
    ]);
    expect(documents.find('a')).toBe(documents.findByText(body));
    expect(documents.find('b')).toBeUndefined();
  });

  it('is read as texts by hash', () => {
    const documents = readTrustedDocuments(
      JSON.stringify({ x1: '"""Sells one."""\nmutation Sell { sell }', x2: '{ hello }' }),
    );
    expect(documents.list()).toMatchObject([
      { id: 'x1', name: 'Sell', type: 'mutation', description: 'Sells one.' },
      { id: 'x2', name: undefined, type: 'query', description: undefined },
    ]);
  });

  it.each([
    ['no JSON', '{', 'it is no JSON'],
    ['a list', '[]', 'expected a JSON object'],
    ['another version', '{"format":"apollo-persisted-query-manifest","version":2}', 'in version 2'],
    ['a text that cannot be parsed', '{"a":"{"}', '"a" cannot be parsed'],
    ['fragments alone', '{"a":"fragment F on Query { hello }"}', 'only fragments'],
    ['a number', '{"a":1}', 'expected the text of an operation under "a"'],
  ])('is refused when it is %s', (_what, text, reason) => {
    expect(() => readTrustedDocuments(text)).toThrow(reason);
  });

  it('is watched, and stays as it is when its file turns bad', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'aegis-trusted-'));
    const file = join(folder, 'manifest.json');
    await writeFile(file, '{"a":"{ a }"}');
    const log: string[] = [];
    const logger = pino({}, { write: (line: string) => void log.push(line) });
    const documents = await watchTrustedDocuments({ file, everyMs: 20, logger });
    let told = 0;
    const stop = documents.onChange(() => (told += 1));
    await writeFile(file, '{"b":"{ b }"}');
    await waitFor('the other manifest is there', () => documents.find('b'));
    expect(told).toBe(1);
    await writeFile(file, '{"c":"{"}');
    await waitFor('the refusal is said', () => log.some((line) => line.includes('are refused')));
    expect(documents.list().map(({ id }) => id)).toEqual(['b']);
    expect(told).toBe(1);
    stop();
    documents.close();
    await rm(folder, { recursive: true });
  });
});
