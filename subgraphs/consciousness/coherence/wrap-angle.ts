/** The same angle above −π to π. Shape: finite radians in, radians out. */
export function wrapAngle(radians: number): number {
  const angle = Math.atan2(Math.sin(radians), Math.cos(radians));
  return angle <= -Math.PI ? Math.PI : angle;
}
