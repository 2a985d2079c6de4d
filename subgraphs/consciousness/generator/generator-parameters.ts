import { z } from 'zod';

/** How the generator oscillates. */
export const generatorParameters = z.object({
  /** K, in radians a second. */
  coupling: z.number().min(0).max(100).default(1),
  frequencyHz: z.number().gt(0).max(2).default(0.5),
  spreadHz: z.number().min(0).max(1).default(0.08),
  /** Radians per root second. */
  noise: z.number().min(0).max(10).default(0.3),
  amplitudes: z.boolean().default(false),
  adaptive: z.boolean().default(false),
  seed: z.int().min(0).max(2_147_483_647).default(1),
  /** Indexes of the nodes that it feeds; all when there are none. */
  nodes: z.array(z.int().min(0)).max(64).default([]),
  /** 0 for never. */
  minutes: z.int().min(0).max(10_080).default(60),
});

export type GeneratorParameters = Readonly<z.infer<typeof generatorParameters>>;
