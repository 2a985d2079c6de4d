import { useId, type ReactNode } from 'react';

export interface PanelProps {
  readonly id: string;
  readonly title: string;
  /** Beside the title: a filter, a range, a count. */
  readonly aside?: ReactNode;
  readonly children: ReactNode;
  readonly className?: string;
}

/** A part of the page with a heading that navigation and screen readers lead to. */
export function Panel({ id, title, aside, children, className = '' }: PanelProps) {
  const headingId = useId();
  return (
    <section id={id} className={`panel ${className}`} aria-labelledby={headingId} tabIndex={-1}>
      <header className="panel-head">
        <h2 id={headingId}>{title}</h2>
        {aside === undefined ? null : <div className="panel-aside">{aside}</div>}
      </header>
      {children}
    </section>
  );
}

/** Stands where something is on its way. */
export function Loading({ what }: { readonly what: string }) {
  return (
    <p className="state" role="status">
      <span className="spinner" aria-hidden="true" /> Loading {what}…
    </p>
  );
}

/** Stands where there is nothing yet: says so, and what to do. */
export function Empty({ title, children }: { readonly title: string; readonly children?: ReactNode }) {
  return (
    <div className="state empty">
      <p className="state-title">{title}</p>
      {children === undefined ? null : <p>{children}</p>}
    </div>
  );
}

/** Tells why something is not there, or not new, and offers to try again. */
export function Problem({ message, retry }: { readonly message: string; readonly retry?: () => void }) {
  return (
    <p className="state problem" role="alert">
      {message}{' '}
      {retry ? (
        <button type="button" onClick={retry}>
          Try again
        </button>
      ) : null}
    </p>
  );
}
