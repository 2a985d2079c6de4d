import { Buffer } from 'node:buffer';
import { isJsonObject } from './merge-patch.js';

/** How large a JSON value may be. */
export interface JsonBounds {
  /** The most bytes of its text in UTF-8. */
  readonly maxBytes: number;
  /** The most objects and arrays within each other. */
  readonly maxDepth: number;
}

/** A value that can be stored, or why it cannot. */
export type CheckedJson =
  | { readonly value: unknown; readonly problem?: undefined }
  | { readonly problem: string; readonly tooLarge: boolean };

/** What one document of a twin, the input of a command, its answer or the data of an event may be at most. */
export const DOCUMENT_BOUNDS: JsonBounds = { maxBytes: 65_536, maxDepth: 16 };

/** NUL, which Postgres keeps in no text, and halves of surrogate pairs. */
const UNSTORABLE = /[\0\p{Surrogate}]/u;

/** Checks a JSON value for its bounds and for what Postgres cannot keep, and gives it back as plain objects and arrays. */
export function checkJson(value: unknown, { maxBytes, maxDepth }: JsonBounds = DOCUMENT_BOUNDS): CheckedJson {
  const problem = findProblem(value, maxDepth);
  if (problem !== undefined) return { problem, tooLarge: false };
  const text = JSON.stringify(value);
  const bytes = Buffer.byteLength(text);
  if (bytes > maxBytes)
    return { problem: `expected at most ${maxBytes} bytes of JSON, got ${bytes}`, tooLarge: true };
  return { value: JSON.parse(text) as unknown };
}

function findProblem(value: unknown, levels: number): string | undefined {
  if (typeof value === 'string') return findTextProblem(value);
  if (value === null || typeof value === 'boolean') return undefined;
  if (typeof value === 'number')
    return Number.isFinite(value) ? undefined : `expected a finite number, got ${value}`;
  if (!isArrayOrPlainObject(value)) return `expected a JSON value, got ${nameOf(value)}`;
  if (levels === 0) return 'expected fewer objects and arrays within each other';
  for (const [name, inner] of Object.entries(value)) {
    const problem = findNameProblem(name) ?? findProblem(inner, levels - 1);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function findNameProblem(name: string): string | undefined {
  return name === '__proto__' ? 'expected another name than "__proto__"' : findTextProblem(name);
}

function findTextProblem(text: string): string | undefined {
  return UNSTORABLE.test(text) ? 'expected text without NUL and without halves of characters' : undefined;
}

function isArrayOrPlainObject(value: unknown): value is object {
  if (Array.isArray(value)) return true;
  if (!isJsonObject(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function nameOf(value: unknown): string {
  return typeof value === 'object' ? (value?.constructor.name ?? 'null') : typeof value;
}
