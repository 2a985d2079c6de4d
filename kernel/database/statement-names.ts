import type { NameStatement } from './prisma-client.js';

/**
 * Names the first `capacity` statements, by their text; the others go without a name. Parsing is about a quarter of what a small statement costs on the
 * embedded Postgres (`npm run bench`).
 */
export function createStatementNames(capacity: number): NameStatement {
  const names = new Map<string, string>();
  return (sql) => {
    const known = names.get(sql);
    if (known !== undefined) return known;
    if (names.size >= capacity) return '';
    const name = `aegis_${names.size}`;
    names.set(sql, name);
    return name;
  };
}
