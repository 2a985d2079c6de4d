import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';

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

/** The flags of each command, and the arguments that it takes before them. */
const COMMANDS: Readonly<
  Record<string, { readonly flags: readonly string[]; readonly positionals: number }>
> = {
  start: { flags: ['port', 'host', 'data', 'mqtt-port', 'no-probe'], positionals: 0 },
  gateway: { flags: ['supergraph', 'port', 'host'], positionals: 0 },
  subgraph: { flags: ['port', 'host'], positionals: 1 },
  migrate: { flags: [], positionals: 0 },
};

const composeText = readFileSync('docker-compose.yml', 'utf8');
const compose = parse(composeText, { merge: true }) as ComposeFile;
const services = Object.entries(compose.services);
const ours = services.filter(([, service]) => service.image === 'aegis');
const dockerfile = readFileSync('Dockerfile', 'utf8').replaceAll(/\\\n\s*/g, ' ');
const lastStage = dockerfile.slice(dockerfile.lastIndexOf('\nFROM ') + 1);

function instructions(stage: string, name: string): string[] {
  return [...stage.matchAll(new RegExp(`^${name} (.*)$`, 'gm'))].map((match) => match[1] ?? '');
}

function completes(name: string): boolean {
  return services.some(
    ([, { depends_on: needs }]) => needs?.[name]?.condition === 'service_completed_successfully',
  );
}

describe('docker-compose.yml', () => {
  it.each(ours)('gives %s a command line that the command knows', (_name, { command = [] }) => {
    const [name = '', ...rest] = command;
    const known = COMMANDS[name];
    const firstFlag = rest.findIndex((argument) => argument.startsWith('--'));
    const flags = rest.filter((argument) => argument.startsWith('--')).map((flag) => flag.slice(2));

    expect(known?.flags).toEqual(expect.arrayContaining(flags));
    expect(firstFlag === -1 ? rest.length : firstFlag).toBe(known?.positionals);
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
    const example = readFileSync('.env.example', 'utf8');
    const explained = [...example.matchAll(/^#?([A-Z][A-Z0-9_]*)=/gm)].map((match) => match[1]);
    const interpolated = [...composeText.matchAll(/(?<!\$)\$\{(\w+)/g)].map((match) => match[1]);
    const passed = ours.flatMap(([, { environment = {} }]) => Object.keys(environment));

    expect(explained).toEqual(expect.arrayContaining([...interpolated, ...passed]));
  });

  it('stops at once when a secret has no value', () => {
    for (const name of ['AEGIS_API_KEYS', 'AEGIS_HANDOVER_SECRET']) {
      const uses = [...composeText.matchAll(new RegExp(`\\$\\{${name}(.{2})`, 'g'))].map((match) => match[1]);
      expect(uses).toEqual([':?']);
    }
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
