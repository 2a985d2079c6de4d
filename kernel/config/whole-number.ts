import { z } from 'zod';
import type { Setting } from './settings.js';

export interface WholeNumberOptions {
  readonly env: string;
  readonly flag?: string;
  /** With its unit. */
  readonly description: string;
  readonly minimum: number;
  readonly maximum: number;
  /** What holds when nothing is given. */
  readonly initial: number;
}

/** A setting that is a whole number in decimal digits: no sign, no blank, no exponent. */
export function wholeNumber({ minimum, maximum, initial, ...source }: WholeNumberOptions): Setting<number> {
  return {
    ...source,
    expects: `a whole number from ${minimum} to ${maximum}`,
    schema: z
      .string()
      .regex(/^\d{1,15}$/)
      .default(String(initial))
      .transform(Number)
      .pipe(z.number().min(minimum).max(maximum)),
  };
}
