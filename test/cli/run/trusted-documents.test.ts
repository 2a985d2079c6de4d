import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openTrustedDocuments } from '../../../cli/run/trusted-documents.js';
import { createLifecycle } from '../../../kernel/lifecycle/lifecycle.js';
import { createLogger } from '../../../kernel/telemetry/logger.js';

let folder: string;
const logger = createLogger({ level: 'silent', pretty: false });
const lifecycle = createLifecycle({ logger, closeDeadlineMs: 1_000 });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aegis-trusted-'));
});
afterAll(async () => {
  await lifecycle.close();
  await rm(folder, { recursive: true });
});

const open = (trustedDocumentsFile: string | undefined, trustedDocumentsMode: 'allow' | 'strict' = 'allow') =>
  openTrustedDocuments({ trustedDocumentsFile, trustedDocumentsMode }, { lifecycle, logger });

describe('the setting of trusted documents', () => {
  it('opens the file that it names', async () => {
    const file = join(folder, 'manifest.json');
    await writeFile(file, '{"a":"query Hello { hello }"}');
    expect((await open(file, 'strict'))?.find('a')?.name).toBe('Hello');
  });

  it('may be missing', async () => {
    expect(await open(undefined)).toBeUndefined();
  });

  it('is a mistake when it names no manifest, or when nothing could run', async () => {
    const bad = join(folder, 'bad.json');
    await writeFile(bad, '[]');
    await expect(open(bad)).rejects.toThrow(`--trusted-documents ${bad}: no manifest`);
    await expect(open(join(folder, 'nowhere.json'))).rejects.toThrow('ENOENT');
    await expect(open(undefined, 'strict')).rejects.toThrow('AEGIS_TRUSTED_DOCUMENTS_MODE');
  });
});
