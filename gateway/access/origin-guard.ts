/** Which web pages may talk to this server through a visitor's browser. */
export interface OriginGuard {
  /** Whether a page of this origin may read answers and open sockets; a request without an origin is not a page's. */
  allowsOrigin(origin: string | undefined, host: string | undefined): boolean;
  /** Why the server does not answer a request at all; undefined when it does. */
  refuse(origin: string | undefined, host: string | undefined): string | undefined;
}

export interface OriginGuardOptions {
  /** Exact origins, such as `https://app.example.com`. */
  readonly allowedOrigins: readonly string[];
  /**
   * True while anybody who reaches the server is let in. Then pages of this machine may talk to it, and it answers to
   * this machine's own names only: otherwise any page on the web could reach it by a name of its own that resolves to
   * 127.0.0.1 (DNS rebinding), and have a visitor's browser send it what needs no reading of the answer.
   */
  readonly open: boolean;
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Makes the guard of one server. */
export function createOriginGuard({ allowedOrigins, open }: OriginGuardOptions): OriginGuard {
  const allowed = new Set(allowedOrigins);

  function allowsOrigin(origin: string | undefined, host: string | undefined): boolean {
    if (origin === undefined || allowed.has(origin)) return true;
    const url = URL.canParse(origin) ? new URL(origin) : undefined;
    if (!url) return false;
    return url.host === host?.toLowerCase() || (open && LOOPBACK.test(url.hostname));
  }

  return {
    allowsOrigin,
    refuse(origin, host) {
      if (!open) return undefined;
      if (!isLoopback(host)) {
        return `expected a request to localhost, got one to ${JSON.stringify(host)}: without API keys the server answers to this machine only. Set AEGIS_API_KEYS to serve others.`;
      }
      if (allowsOrigin(origin, host)) return undefined;
      return `expected a page of this machine, got one of ${JSON.stringify(origin)}. Set AEGIS_ALLOWED_ORIGINS to let it in.`;
    },
  };
}

function isLoopback(host: string | undefined): boolean {
  if (host === undefined) return true;
  const url = `http://${host}`;
  return URL.canParse(url) && LOOPBACK.test(new URL(url).hostname);
}
