import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SIGNALS } from '../../../../cli/probe/signals.js';
import { findExpressionFault } from '../../../../subgraphs/devices/codecs/jsonata/find-expression-fault.js';
import { createCatalogue } from '../../../../subgraphs/devices/profiles/catalogue.js';
import { createProfileCheck } from '../../../../subgraphs/devices/profiles/check-profile.js';
import { createUnits } from '../../../../subgraphs/devices/profiles/units.js';

const check = createProfileCheck({ units: createUnits(), findExpressionFault });

describe('the catalogue of profiles', () => {
  it('holds the ready ones', async () => {
    const catalogue = createCatalogue({ check });
    expect(catalogue.list()).toEqual([]);
    await catalogue.load();
    expect(catalogue.list().map(({ name, version }) => `${name}/${version}`)).toEqual([
      'gps-tracker/1',
      'host/1',
      'power-meter/1',
      'temperature-humidity/1',
      'vibration/1',
    ]);
  });

  it('has what the probe of the host measures', async () => {
    const catalogue = createCatalogue({ check });
    await catalogue.load();
    const [host] = catalogue.versions('host');
    expect(
      host?.properties.map(({ name, unit, description, minimum, maximum }) => ({
        ...{ name, unit, description, minimum, maximum },
      })),
    ).toEqual(
      SIGNALS.map(({ name, unit, description, minimum, maximum = null }) => ({
        ...{ name, unit, description, minimum, maximum },
      })),
    );
  });
});

describe('a file of the catalogue', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aegis-catalogue-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const ENTRY = (name: string, version: number) =>
    `name: ${name}\nversion: ${version}\ntitle: Tank\nproperties:\n  - { name: level, unit: '%' }\n`;

  async function load(files: Readonly<Record<string, string>>) {
    for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text);
    const catalogue = createCatalogue({ check, folder });
    await catalogue.load();
    return catalogue;
  }

  it('is the newest version, beside those that it has followed', async () => {
    const catalogue = await load({ 'tank.yaml': ENTRY('tank', 3), 'tank@1.yaml': ENTRY('tank', 1) });
    expect(catalogue.versions('tank').map(({ version }) => version)).toEqual([3, 1]);
    expect(catalogue.list()).toHaveLength(1);
    expect(catalogue.versions('other')).toEqual([]);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['another name', { 'tank.yaml': ENTRY('well', 1) }, /tank\.yaml: it names itself well, version 1/],
    ['another version', { 'tank@2.yaml': ENTRY('tank', 1) }, /tank@2\.yaml: it names itself tank, version 1/],
    [
      'no version',
      { 'tank.yaml': ENTRY('tank', 1).replace('version: 1\n', '') },
      /tank\.yaml: version: expected/,
    ],
    [
      'a unit that is none',
      { 'tank.yaml': ENTRY('tank', 1).replace("'%'", 'percent') },
      /tank\.yaml: properties\.0\.unit: Expected a UCUM code .* did you mean `%`\?/,
    ],
    ['a field that there is not', { 'tank.yaml': `${ENTRY('tank', 1)}color: red\n` }, /tank\.yaml: .*color/],
    ['no object', { 'tank.yaml': '- 1' }, /tank\.yaml: expected a YAML object/],
    ['a name that is none', { 'Tank 1.yaml': ENTRY('tank', 1) }, /got Tank 1\.yaml/],
  ])('stops the start with %s, and names itself', async (_what, files, message) => {
    await expect(load(files)).rejects.toThrow(message);
  });
});
