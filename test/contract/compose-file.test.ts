import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { knownFlagsOf, readCommandInput, readCommandLine } from '../../cli/command-line.js';
import { gateway } from '../../cli/commands/gateway.js';
import { migrate } from '../../cli/commands/migrate.js';
import { start } from '../../cli/commands/start.js';
import { subgraph } from '../../cli/commands/subgraph.js';

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly configs?: readonly { readonly source: string }[];
}

interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>;
  readonly configs: Readonly<Record<string, { readonly content: string }>>;
}

const COMMANDS = [start, gateway, subgraph, migrate];

const composeText = readFileSync('docker-compose.yml', 'utf8');
const compose = parse(composeText, { merge: true }) as ComposeFile;
const services = Object.entries(compose.services);
const ours = services.filter(([, service]) => service.image === 'aegis');
const dockerfile = readFileSync('Dockerfile', 'utf8').replaceAll(/\\\n\s*/g, ' ');
const lastStage = dockerfile.slice(dockerfile.lastIndexOf('\nFROM ') + 1);

function instructions(stage: string, name: string): string[] {
  return [...stage.matchAll(new RegExp(`^${name} (.*)$`, 'gm'))].map((match) => match[1] ?? '');
}

/** The variables that `.env.example` explains. */
function explainedVariables(): string[] {
  return [...readFileSync('.env.example', 'utf8').matchAll(/^#?([A-Z][A-Z0-9_]*)=/gm)].map(
    ([, name = '']) => name,
  );
}

/** A container's environment as Docker Compose makes it: the default of each variable, or a secret where there is none. */
function interpolate(environment: Readonly<Record<string, string>>): Record<string, string> {
  const values = Object.entries(environment).map(([name, text]) => [
    name,
    text.replaceAll(
      /\$\{\w+(?::-(?<fallback>[^}]*)|:\?[^}]*)\}/g,
      (_all, fallback?: string) => fallback ?? '5ec2e7'.repeat(8),
    ),
  ]);
  return Object.fromEntries(values) as Record<string, string>;
}

function completes(name: string): boolean {
  return services.some(
    ([, { depends_on: needs }]) => needs?.[name]?.condition === 'service_completed_successfully',
  );
}

describe('docker-compose.yml', () => {
  it.each(ours)('gives %s a command line and settings that the command takes', async (_name, service) => {
    const [name, ...rest] = service.command ?? [];
    const command = COMMANDS.find((one) => one.name === name);
    if (!command) throw new Error(`expected a command of aegis, got ${name ?? 'none'}`);
    const table = await command.settings(rest.filter((word) => !word.startsWith('-')));
    const line = readCommandLine(rest, knownFlagsOf(table, command.flags));
    const source = {
      env: interpolate(service.environment ?? {}),
      knownVariables: new Set(explainedVariables()),
      mistakes: (await command.checkWords?.(line.words)) ?? [],
    };

    expect(line.words).toHaveLength(command.words.length);
    expect(() =>
      readCommandInput({ table, flags: command.flags, words: command.words.length }, line, source),
    ).not.toThrow();
  });

  it('runs a container for each subgraph of the supergraph, under the name and port of its URL', () => {
    const supergraph = readFileSync('schema/supergraph.graphql', 'utf8');
    const urls = [...supergraph.matchAll(/@join__graph\(name: "(\w+)", url: "([^"]+)"\)/g)];
    const expected = urls.map(([, name, url]) => [name, url]);
    const served = ours
      .filter(([, { command }]) => command?.[0] === 'subgraph')
      .map(([service, { command, environment }]) => [
        command?.[1],
        `http://${service}:${environment?.['AEGIS_PORT'] ?? 'none'}/graphql`,
      ]);

    expect(expected.length).toBeGreaterThan(0);
    expect(served.sort()).toEqual(expected.sort());
  });

  it.each(services)('knows when %s is healthy, or waits until it has completed', (name, { healthcheck }) => {
    expect(completes(name) || (healthcheck?.test?.length ?? 0) > 0).toBe(true);
  });

  it.each(services)('starts %s after services that exist', (_name, { depends_on: needs = {} }) => {
    for (const needed of Object.keys(needs)) expect(Object.keys(compose.services)).toContain(needed);
  });

  it.each(services)('publishes the ports of %s on the loopback address only', (_name, { ports = [] }) => {
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  });

  it('names only variables that .env.example explains', () => {
    const interpolated = [...composeText.matchAll(/(?<!\$)\$\{(\w+)/g)].map((match) => match[1]);
    const passed = ours.flatMap(([, { environment = {} }]) => Object.keys(environment));

    expect(explainedVariables()).toEqual(expect.arrayContaining([...interpolated, ...passed]));
  });

  it('stops at once when a secret has no value', () => {
    for (const name of ['AEGIS_API_KEYS', 'AEGIS_HANDOVER_SECRET']) {
      const uses = [...composeText.matchAll(new RegExp(`\\$\\{${name}(.{2})`, 'g'))].map((match) => match[1]);
      expect(uses).toEqual([':?']);
    }
  });

  it('stops at once when a user of the broker has no password, and lets in nobody else', () => {
    for (const name of ['MQTT_SUBGRAPH_PASSWORD', 'MQTT_PUBLISHER_PASSWORD']) {
      const uses = [...composeText.matchAll(new RegExp(`\\$\\{${name}(.{2})`, 'g'))].map((match) => match[1]);
      expect(new Set(uses)).toEqual(new Set([':?']));
    }
    expect(compose.configs['mosquitto']?.content).toMatch(/^allow_anonymous false$/m);
  });

  it('bounds what the broker keeps for a subgraph that is away', () => {
    const settings = new Map(
      (compose.configs['mosquitto']?.content ?? '')
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => line.split(' ') as [string, string]),
    );

    expect(settings.get('persistence')).toBe('true');
    for (const name of ['max_inflight_messages', 'max_queued_messages', 'max_queued_bytes']) {
      expect(Number(settings.get(name))).toBeGreaterThan(1000);
    }
  });
});

describe('Dockerfile', () => {
  it('stands on one Node 24 image', () => {
    const images = instructions(dockerfile, 'FROM').map((text) => text.split(' ')[0]);
    expect([...new Set(images)]).toEqual(['node:24-bookworm-slim']);
  });

  it('runs the command of package.json as a user without rights, and asks after its health', () => {
    const { bin } = JSON.parse(readFileSync('package.json', 'utf8')) as { bin: { aegis: string } };

    expect(JSON.parse(instructions(lastStage, 'ENTRYPOINT')[0] ?? '')).toEqual([
      'node',
      '--enable-source-maps',
      bin.aegis,
    ]);
    expect(instructions(lastStage, 'USER').at(-1)).toBe('node');
    expect(instructions(lastStage, 'HEALTHCHECK')[0]).toContain('/health/live');
  });

  it('copies only what exists or is built, and what .dockerignore lets through', () => {
    const built = new Set(['node_modules', 'dist']);
    const allowed = readFileSync('.dockerignore', 'utf8').split('\n');
    const copied = instructions(lastStage, 'COPY').flatMap((text) =>
      text
        .split(' ')
        .filter((word) => word.startsWith('/app/'))
        .map((path) => path.slice('/app/'.length)),
    );

    for (const path of copied.filter((one) => !built.has(one))) {
      expect({ path, exists: existsSync(path) }).toEqual({ path, exists: true });
      expect(allowed).toContain(`!${path.replace(/\/.*/, '')}`);
    }
  });
});
