/** Where a text stands in the window, in pixels. It hangs from `top`, or stands on `bottom`, which counts from below. */
export interface Place {
  readonly left: number;
  readonly width: number;
  readonly maxHeight: number;
  readonly top: number | undefined;
  readonly bottom: number | undefined;
}

const WIDTH = 384;
/** How far it keeps from the edges of the window, and from what it is about. */
const EDGE = 8;
const DISTANCE = 6;

/**
 * Finds where a text about something stands: below it, or above where there is more room, and within the window.
 *
 * @param box what it is about, in the window.
 */
export function placeAt(
  box: { readonly left: number; readonly top: number; readonly bottom: number },
  window: { readonly width: number; readonly height: number },
): Place {
  const width = Math.min(WIDTH, window.width - 2 * EDGE);
  const left = Math.max(EDGE, Math.min(box.left, window.width - EDGE - width));
  const below = window.height - box.bottom;
  const isBelow = below >= box.top;
  return {
    left,
    width,
    maxHeight: Math.max(0, (isBelow ? below : box.top) - DISTANCE - EDGE),
    top: isBelow ? box.bottom + DISTANCE : undefined,
    bottom: isBelow ? undefined : window.height - box.top + DISTANCE,
  };
}
