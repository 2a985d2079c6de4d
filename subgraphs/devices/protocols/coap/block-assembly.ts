import type { Block } from './coap-message.js';

/** Bodies that arrive in blocks. */
export interface BlockAssembly {
  /** Whether blocks of this body have been taken. */
  has(key: string): boolean;
  /** Takes a block. `whole` has the body; `too-large` and `full` forget what was there of it. */
  take(key: string, block: Block, payload: Buffer): Taken;
  forget(key: string): void;
}

/** What became of a block. */
export type Taken =
  | { readonly kind: 'whole'; readonly body: Buffer }
  | { readonly kind: 'more' }
  /** The blocks before it are not there: the sender begins again (RFC 7959, §2.9.2). */
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'full' };

export interface BlockAssemblyOptions {
  /** The largest body, in bytes. */
  readonly maxBodyBytes: number;
  /** The most bytes of all bodies that are on their way; a new body is refused when there is no room for its block. */
  readonly maxBytes: number;
  /** For how long blocks are kept after the last one, in milliseconds. */
  readonly lifetimeMs: number;
  readonly now?: () => number;
}

interface Body {
  blocks: Buffer[];
  length: number;
  endsAt: number;
}

/** Makes it. Source: RFC 7959, §2.5. */
export function createBlockAssembly(options: BlockAssemblyOptions): BlockAssembly {
  const { maxBodyBytes, maxBytes, lifetimeMs, now = Date.now } = options;
  /** In the order of their last block. */
  const bodies = new Map<string, Body>();
  let bytes = 0;

  function forget(key: string): void {
    bytes -= bodies.get(key)?.length ?? 0;
    bodies.delete(key);
  }

  function forgetOld(): void {
    for (const [key, { endsAt }] of bodies) {
      if (endsAt > now()) return;
      forget(key);
    }
  }

  /** The body that a block belongs to: a new one with the first. */
  function bodyOf(key: string, { number }: Block): Body | undefined {
    if (number > 0) return bodies.get(key);
    forget(key);
    return { blocks: [], length: 0, endsAt: 0 };
  }

  return {
    has: (key) => bodies.has(key),
    take(key, block, payload) {
      forgetOld();
      const body = bodyOf(key, block);
      const offset = block.number * block.size;
      if (!body || offset > body.length || (block.more && payload.length !== block.size)) {
        return { kind: 'incomplete' };
      }
      // A block that is here already: its sender has not heard so.
      if (offset < body.length) return block.more ? { kind: 'more' } : { kind: 'incomplete' };
      const refused = refusal(body.length + payload.length, payload.length);
      if (refused) {
        forget(key);
        return { kind: refused };
      }
      if (!block.more) {
        forget(key);
        return { kind: 'whole', body: Buffer.concat([...body.blocks, payload]) };
      }
      bytes += payload.length;
      body.blocks.push(payload);
      body.length += payload.length;
      body.endsAt = now() + lifetimeMs;
      bodies.delete(key);
      bodies.set(key, body);
      return { kind: 'more' };
    },
    forget,
  };

  function refusal(length: number, more: number): 'too-large' | 'full' | undefined {
    if (length > maxBodyBytes) return 'too-large';
    return bytes + more > maxBytes ? 'full' : undefined;
  }
}
