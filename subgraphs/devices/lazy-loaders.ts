import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import { DEFAULT_WORKSPACE, type WorkspaceId } from '../../kernel/identity/principal.js';

/**
 * Makes contexts whose loaders are there when somebody asks for them. A query asks for few of them, and an event of a
 * stream mostly for none: to make all of them for each event would cost more than the event itself.
 *
 * @param groups each makes some loaders, together and at most once for each context; names are the same each time. That
 * costs no statement: those are begun by the loaders.
 */
export function createLazyContexts<Loaders extends object>(
  groups: readonly ((workspace: WorkspaceId) => Partial<Loaders>)[],
): (request: RequestContext) => RequestContext & Loaders {
  class LazyContext implements RequestContext {
    readonly principal: RequestContext['principal'];
    readonly trace: RequestContext['trace'];
    readonly headers: RequestContext['headers'];
    /** No `#private` one: Apollo Server copies contexts, by their prototype and their own properties. */
    readonly made: (object | undefined)[] = [];

    constructor({ principal, trace, headers }: RequestContext) {
      this.principal = principal;
      this.trace = trace;
      this.headers = headers;
    }

    static find(context: LazyContext, group: number, name: string): unknown {
      const made = (context.made[group] ??= groups[group]?.(context.principal.workspace));
      return made && (Reflect.get(made, name) as unknown);
    }
  }

  for (const [group, make] of groups.entries()) {
    for (const name of Object.keys(make(DEFAULT_WORKSPACE))) {
      Object.defineProperty(LazyContext.prototype, name, {
        get(this: LazyContext) {
          return LazyContext.find(this, group, name);
        },
      });
    }
  }
  // The groups together have what the context has: who makes it vouches for that.
  return (request) => new LazyContext(request) as RequestContext as RequestContext & Loaders;
}
