/** Which web pages may talk to this server through a visitor's browser. */
export interface OriginGuard {
  /** Whether a page of this origin may read answers and open sockets; a request without an origin is not a page's. */
  allowsOrigin(origin: string | undefined, host: string | undefined): boolean;
  /** Whether the server answers under this host name at all. */
  allowsHost(host: string | undefined): boolean;
}

export interface OriginGuardOptions {
  /** Exact origins, such as `https://app.example.com`. */
  readonly allowedOrigins: readonly string[];
  /**
   * True while anybody who reaches the server is let in. Then pages of this machine may talk to it, and it answers to
   * this machine's own names only: otherwise any page on the web could reach it by a name of its own that resolves to
   * 127.0.0.1 (DNS rebinding).
   */
  readonly open: boolean;
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

export function createOriginGuard({ allowedOrigins, open }: OriginGuardOptions): OriginGuard {
  const allowed = new Set(allowedOrigins);
  return {
    allowsOrigin(origin, host) {
      if (origin === undefined || allowed.has(origin)) return true;
      const url = URL.canParse(origin) ? new URL(origin) : undefined;
      if (!url) return false;
      return url.host === host || (open && LOOPBACK.test(url.hostname));
    },
    allowsHost(host) {
      if (!open || host === undefined) return true;
      const url = `http://${host}`;
      return URL.canParse(url) && LOOPBACK.test(new URL(url).hostname);
    },
  };
}
