import type { SettingsTable } from '../kernel/config/settings.js';
import { importFrom, listSubgraphNames } from './subgraph-names.js';

/**
 * The settings of subgraphs in one table, each under `<subgraph>.<setting>`. Only their `config.ts` is loaded, so that a
 * process can know every setting without loading what it does not run.
 *
 * @param only the name of one subgraph; all of them when it is undefined or unknown.
 */
export async function loadSubgraphSettings(only?: string): Promise<SettingsTable> {
  const names = await listSubgraphNames();
  const wanted = only !== undefined && names.includes(only) ? [only] : names;
  const tables = await Promise.all(
    wanted.map(async (name) => {
      const { settings } = await importFrom<{ settings: SettingsTable }>(name, 'config');
      return Object.entries(settings).map(([key, setting]) => [`${name}.${key}`, setting] as const);
    }),
  );
  return Object.fromEntries(tables.flat());
}
