import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawnAegis } from '../support/aegis-process.js';
import { startOneProcess } from '../support/aegis-system.js';
import { createGraphClient } from '../support/graph-client.js';
import { waitFor } from '../support/wait-for.js';

/** Runs a command to its end. */
async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const aegis = spawnAegis(args, { env });
  await aegis.ended;
  return { code: aegis.exitCode(), text: aegis.lines.map(({ msg }) => msg).join('\n') };
}

describe('aegis', () => {
  it('lists its commands, and the settings of each', async () => {
    const { code, text } = await run(['--help']);
    expect([code, text.match(/^ {2}\w+/gm)]).toEqual([
      0,
      ['  start', '  gateway', '  subgraph', '  edge', '  compose', '  migrate'],
    ]);
    const help = await run(['start', '--help']);
    for (const flag of ['--port', '--host', '--data', '--mqtt-port', '--coap-port', '--no-probe'])
      expect(help.text).toContain(flag);
  });

  it('names every mistake at once, with what was expected', async () => {
    const { code, text } = await run(['start', 'word', '--port', '99999', '--frobnicate', '--host', ''], {
      AEGIS_LOG_LEVEL: 'loud',
      AEGIS_PROT: '1',
    });
    expect(code).toBe(2);
    expect(text).toContain('--frobnicate: expected one of the flags of this command');
    expect(text).toContain('word: expected no more words.');
    expect(text).toContain('--port: expected a whole number from 0 to 65535, got "99999".');
    expect(text).toContain('AEGIS_LOG_LEVEL: expected one of trace, debug');
    expect(text).toContain('AEGIS_PROT: expected one of the variables of .env.example.');
  });

  it('takes what stands behind an unknown flag for its value, and misses the value of a known one', async () => {
    const { code, text } = await run(['compose', '--prt', '1', '--check=yes', '--out']);
    expect(code).toBe(2);
    expect(text.split('\n').slice(1)).toEqual([
      '- --prt: expected one of the flags of this command (see --help).',
      '- --check: expected no value, got "yes".',
      '- --out: expected a value behind it, got nothing.',
    ]);
  });

  it('names what is wrong with API keys beside the other mistakes, and never shows one', async () => {
    const { code, text } = await run(['subgraph', 'nothing', '--port', 'x'], {
      AEGIS_API_KEYS: 'ok:short-key',
    });
    expect(code).toBe(2);
    expect(text).toContain('NAME: expected one of consciousness, devices, events, got nothing.');
    expect(text).toContain('--port: expected a whole number from 0 to 65535, got "x".');
    expect(text).toContain('AEGIS_API_KEYS: key 1: expected 24 to 256');
    expect(text).not.toContain('short-key');
  });

  it('never shows a secret that it refuses', async () => {
    const { code, text } = await run(['subgraph', 'devices'], {
      AEGIS_HANDOVER_SECRET: 'short-secret',
      AEGIS_API_KEYS: 'short-key',
    });
    expect(code).toBe(2);
    expect(text).toContain('AEGIS_HANDOVER_SECRET: expected at least 32 characters, got something else.');
    expect(text).not.toContain('short-');
  });

  it('does not open a subgraph’s own doors to anybody', async () => {
    const { code, text } = await run(['subgraph', 'devices']);
    expect(code).toBe(2);
    expect(text).toContain('AEGIS_API_KEYS: expected [workspace:]key, comma-separated');
    expect(text).toContain('AEGIS_HANDOVER_SECRET: expected at least 32 characters, but nothing was given.');
  });

  it('says which subgraphs there are', async () => {
    const { code, text } = await run(['subgraph', 'nothing'], {
      AEGIS_HANDOVER_SECRET: 'x'.repeat(32),
      AEGIS_API_KEYS: 'k'.repeat(24),
    });
    expect([code, text]).toEqual([
      2,
      expect.stringContaining('expected one of consciousness, devices, events, got nothing'),
    ]);
  });

  it('does not listen beyond this machine while everybody would be let in', async () => {
    const { code, text } = await run(['start', '--host', '0.0.0.0']);
    expect([code, text]).toEqual([2, expect.stringMatching(/Set AEGIS_API_KEYS, .*to listen there\./)]);
  });

  it('tells that a supergraph file is none', async () => {
    const { code, text } = await run(['gateway', '--supergraph', fileURLToPath(import.meta.url)]);
    expect(code).toBe(2);
    expect(text).toContain('commands.test.ts: expected the SDL of a federation supergraph');
  });
});

describe('aegis start', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aegis-start-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('keeps a second process off its data folder, and keeps what it was told over a restart', async () => {
    const first = await startOneProcess({ folder });
    const graph = createGraphClient(first);
    await graph.query(
      'mutation { registerDevice(input: { name: "kept", metrics: [{ name: "a", unit: "1" }] }) { device { id } } }',
    );
    const link = `${folder}-link`;
    await symlink(folder, link);
    const args = ['start', '--port', '0', '--mqtt-port', '0', '--coap-port', '0', '--data', link];
    const second = await run(args, { TMPDIR: folder });
    await rm(link);
    expect([second.code, second.text]).toEqual([1, expect.stringContaining('another Aegis runs on it')]);
    await first.close();

    const again = await startOneProcess({ folder });
    const data = await createGraphClient(again).query<unknown>('{ devices { edges { node { name } } } }');
    expect(data).toEqual({ devices: { edges: [{ node: { name: 'kept' } }] } });
    await again.close();
  }, 60_000);

  it('drains at SIGTERM: subscribers are told, and it ends with 0 within ten seconds', async () => {
    const system = await startOneProcess();
    const events = createGraphClient(system).subscribe('subscription { deviceReadings { cursor } }');
    const ended = events.next().catch((reason: unknown) => reason);
    await waitFor('the subscription has begun', async () => {
      const metrics = await (await fetch(`${system.url}/metrics`)).text();
      return /^aegis_gateway_subscriptions 1$/m.test(metrics);
    });
    const startedAt = performance.now();
    expect(await system.processes[0]?.stop('SIGTERM')).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(await ended).toMatchObject([{ extensions: { code: 'UNAVAILABLE', reason: 'STOPPING' } }]);
    await system.close();
  }, 60_000);

  it('ends at SIGTERM also when nobody reads its log any more', async () => {
    const system = await startOneProcess();
    system.processes[0]?.stopReading();
    expect(await system.processes[0]?.stop('SIGTERM')).toBe(0);
    await system.close();
  }, 60_000);

  it('says that its port is taken', async () => {
    const system = await startOneProcess();
    const { port } = new URL(system.url);
    const { code, text } = await run([
      'start',
      '--port',
      port,
      '--mqtt-port',
      '0',
      '--coap-port',
      '0',
      '--data',
      folder,
    ]);
    expect(code).toBe(1);
    expect(text).toContain(`${port} is taken by another process`);
    await system.close();
  }, 60_000);
});
