import { useId, useRef, type CSSProperties, type ReactNode } from 'react';
import { placeAt } from './place-at.js';

/** A question mark beside a number that tells in plain words what the number is. */
export function WhatIsThis({ about, children }: { readonly about: string; readonly children: ReactNode }) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  return (
    <span className="what">
      <button
        ref={button}
        type="button"
        className="what-button"
        popoverTarget={id}
        aria-label={`What is ${about}?`}
      >
        ?
      </button>
      <span
        id={id}
        popover="auto"
        className="what-text"
        role="note"
        onBeforeToggle={({ newState, currentTarget: { style } }) => {
          if (newState === 'open' && button.current) Object.assign(style, findPlace(button.current));
        }}
      >
        <strong>{about}</strong>
        <span>{children}</span>
      </span>
    </span>
  );
}

/** At the button, on the page, so that it goes along when the page is scrolled. */
function findPlace(button: HTMLElement): CSSProperties {
  const { clientWidth: width, clientHeight: height } = document.documentElement;
  const place = placeAt(button.getBoundingClientRect(), { width, height });
  const pixels = (length: number) => `${length}px`;
  return {
    left: pixels(place.left + scrollX),
    width: pixels(place.width),
    maxHeight: pixels(place.maxHeight),
    // Lengths from the bottom count from that of the window while the page is at its top.
    top: place.top === undefined ? 'auto' : pixels(place.top + scrollY),
    bottom: place.bottom === undefined ? 'auto' : pixels(place.bottom - scrollY),
  };
}
