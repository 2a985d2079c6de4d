import jsonata from 'jsonata';

/** Why an expression of JSONata cannot be read, as a sentence; undefined when it can. */
export function findExpressionFault(expression: string): string | undefined {
  try {
    jsonata(expression);
    return undefined;
  } catch (error) {
    const { message, position } = error as { readonly message?: string; readonly position?: number };
    const where = position === undefined ? '' : ` (at character ${position})`;
    return `${(message ?? 'it cannot be read').slice(0, 200)}${where}.`;
  }
}
