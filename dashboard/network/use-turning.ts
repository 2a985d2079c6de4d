import { useRef, useState, type KeyboardEvent, type PointerEvent } from 'react';

/** How a drawing in space is turned, and what turns it: dragging, and the arrow keys. */
export interface Turning {
  /** Around the upright axis, in radians. */
  readonly turn: number;
  /** Towards the viewer, in radians. */
  readonly tilt: number;
  readonly handlers: {
    readonly onKeyDown: (event: KeyboardEvent) => void;
    readonly onPointerDown: (event: PointerEvent) => void;
    readonly onPointerMove: (event: PointerEvent) => void;
    readonly onPointerUp: () => void;
    readonly onPointerLeave: () => void;
  };
}

const STEP = Math.PI / 12;
const RADIANS_PER_PIXEL = 1 / 140;
const KEYS: Readonly<Record<string, readonly [turn: number, tilt: number]>> = {
  ArrowLeft: [-STEP, 0],
  ArrowRight: [STEP, 0],
  ArrowUp: [0, -STEP],
  ArrowDown: [0, STEP],
};

/** Lets a drawing be turned, from where all nodes of Metatron's cube are seen. */
export function useTurning(): Turning {
  const [{ turn, tilt }, setAngles] = useState({ turn: 0.35, tilt: 0.3 });
  const grip = useRef<{ readonly x: number; readonly y: number }>(undefined);

  const turnBy = (turned: number, tilted: number) => {
    setAngles((angles) => ({ turn: angles.turn + turned, tilt: angles.tilt + tilted }));
  };
  const letGo = () => {
    grip.current = undefined;
  };
  return {
    turn,
    tilt,
    handlers: {
      onKeyDown(event) {
        const step = KEYS[event.key];
        if (!step) return;
        event.preventDefault();
        turnBy(...step);
      },
      onPointerDown(event) {
        grip.current = { x: event.clientX, y: event.clientY };
      },
      onPointerMove({ clientX: x, clientY: y }) {
        const from = grip.current;
        if (!from) return;
        turnBy((x - from.x) * RADIANS_PER_PIXEL, (y - from.y) * RADIANS_PER_PIXEL);
        grip.current = { x, y };
      },
      onPointerUp: letGo,
      onPointerLeave: letGo,
    },
  };
}
