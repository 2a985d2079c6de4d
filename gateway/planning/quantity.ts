/** The variables of one request. */
export type Variables = Readonly<Record<string, unknown>>;

/** A number that is the same for each request of an operation, or that its variables decide. */
export type Quantity = number | ((variables: Variables) => number);

/** The number that a quantity is for one request. */
export function evaluate(quantity: Quantity, variables: Variables): number {
  return typeof quantity === 'number' ? quantity : quantity(variables);
}

/** The sum; what is fixed is added up at once. */
export function sumOf(parts: readonly Quantity[]): Quantity {
  let fixed = 0;
  const variable: ((variables: Variables) => number)[] = [];
  for (const part of parts) {
    if (typeof part === 'number') fixed += part;
    else variable.push(part);
  }
  if (variable.length === 0) return fixed;
  return (variables) => {
    let sum = fixed;
    for (const part of variable) sum += part(variables);
    return sum;
  };
}

/** The product. */
export function productOf(left: Quantity, right: Quantity): Quantity {
  if (typeof left === 'number' && typeof right === 'number') return left * right;
  if (left === 0 || right === 0) return 0;
  return (variables) => evaluate(left, variables) * evaluate(right, variables);
}

/** The largest; `fallback` when there is none. */
export function largestOf(parts: readonly Quantity[], fallback: Quantity): Quantity {
  const [first, ...rest] = parts;
  if (first === undefined) return fallback;
  if (rest.length === 0) return first;
  if (parts.every((part) => typeof part === 'number')) return Math.max(...parts);
  return (variables) => Math.max(...parts.map((part) => evaluate(part, variables)));
}
