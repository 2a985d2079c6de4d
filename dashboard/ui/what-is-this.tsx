import { useId, type ReactNode } from 'react';

/** A question mark beside a number that tells in plain words what the number is. */
export function WhatIsThis({ about, children }: { readonly about: string; readonly children: ReactNode }) {
  const id = useId();
  return (
    <span className="what">
      <button type="button" className="what-button" popoverTarget={id} aria-label={`What is ${about}?`}>
        ?
      </button>
      <span id={id} popover="auto" className="what-text" role="note">
        <strong>{about}</strong>
        <span>{children}</span>
      </span>
    </span>
  );
}
