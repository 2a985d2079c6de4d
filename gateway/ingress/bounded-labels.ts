/** Turns names that clients make up into labels of metrics, of which there may not be any number. */
export type BoundedLabels = (name: string | undefined) => string;

/**
 * Keeps the first names that it meets; all later ones are `other`, and what has no name is `anonymous`.
 *
 * @param most how many names are kept.
 */
export function createBoundedLabels(most: number): BoundedLabels {
  const known = new Set<string>();
  return (name) => {
    if (name === undefined) return 'anonymous';
    if (known.has(name)) return name;
    if (known.size >= most) return 'other';
    known.add(name);
    return name;
  };
}
