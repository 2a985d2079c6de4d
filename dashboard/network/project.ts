import type { NodePlace } from './documents.js';

/** A node on the drawing: −1 to 1 from its middle; `depth` 0 (far) to 1 (near). */
export interface Projected {
  readonly x: number;
  readonly y: number;
  readonly depth: number;
}

/** How far the eye is away, in radii of the drawing: a little perspective tells near from far. */
const EYE = 4;

/**
 * Where a node in space is drawn after turning.
 *
 * @param turn around the upright axis, in radians.
 * @param tilt towards the viewer, in radians.
 */
export function project({ x3, y3, z3 }: NodePlace, turn: number, tilt: number): Projected {
  const x = x3 * Math.cos(turn) + z3 * Math.sin(turn);
  const away = z3 * Math.cos(turn) - x3 * Math.sin(turn);
  const y = y3 * Math.cos(tilt) - away * Math.sin(tilt);
  const z = y3 * Math.sin(tilt) + away * Math.cos(tilt);
  const scale = EYE / (EYE - z);
  return { x: x * scale, y: y * scale, depth: (z + 1) / 2 };
}
