import type { EventEmitter } from 'node:events';
import { Message, MessageType, sessionBus, Variant } from '@jellybrick/dbus-next';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { untilAborted } from '../../../../kernel/lifecycle/until-aborted.js';

/** A call of a method over D-Bus. */
export interface DBusCall {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  readonly body?: readonly unknown[];
}

/** A signal that came over D-Bus. */
export interface DBusSignal {
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  /** With variants taken out of their wrapping. */
  readonly body: readonly unknown[];
}

/** A connection to a message bus: all that is used of it, whichever library speaks it. */
export interface DBusConnection {
  /** What the method returns, with variants taken out of their wrapping. Errors: UPSTREAM_FAILED, UPSTREAM_TIMEOUT. */
  call(call: DBusCall, signal?: AbortSignal): Promise<readonly unknown[]>;
  close(): void;
}

export interface OpenDBusOptions {
  /** Such as `unix:path=/run/dbus/system_bus_socket`. */
  readonly address: string;
  readonly onSignal: (signal: DBusSignal) => void;
  /** The connection is lost. */
  readonly onError: (error: Error) => void;
}

const CALL_MS = 30_000;

/** Connects to a bus. Errors: UNAVAILABLE when there is none. */
export async function openDBus({ address, onSignal, onError }: OpenDBusOptions): Promise<DBusConnection> {
  const bus = sessionBus({ busAddress: address });
  // The types of the library leave out that it tells of errors.
  const events = bus as unknown as EventEmitter;
  // One that nobody listens to would end the process, also between connecting and listening, and after closing.
  events.on('error', () => undefined);
  try {
    await connected(events);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AegisError('UNAVAILABLE', `D-Bus does not answer at ${address}: ${reason}`, { cause: error });
  }
  events.on('error', onError);
  bus.on('message', (message: Message) => {
    if (message.type !== MessageType.SIGNAL) return;
    const { path, interface: name, member, body } = message;
    onSignal({ path, member, interface: name, body: body.map(unwrap) });
  });

  return {
    async call({ signature = '', body = [], ...call }, signal) {
      const late = AbortSignal.timeout(CALL_MS);
      const until = signal ? AbortSignal.any([signal, late]) : late;
      try {
        const reply = await untilAborted(
          bus.call(new Message({ ...call, signature, body: [...body] })),
          until,
        );
        return (reply?.body ?? []).map(unwrap);
      } catch (error) {
        if (signal?.aborted) throw error;
        throw late.aborted ? timedOut(call.member) : failed(call.member, error);
      }
    },
    close() {
      bus.disconnect();
    },
  };
}

function connected(events: EventEmitter): Promise<void> {
  return new Promise((resolve, reject) => {
    events.once('error', reject);
    events.once('connect', () => {
      events.off('error', reject);
      resolve();
    });
  });
}

/** Values as they are: a variant tells its type beside, which nobody here needs. */
function unwrap(value: unknown): unknown {
  if (value instanceof Variant) return unwrap(value.value);
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(unwrap);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, unwrap(one)]));
}

/** Wraps a value for a call that takes variants. */
export function wrap(signature: string, value: unknown): unknown {
  return new Variant(signature, value);
}

function timedOut(member: string): AegisError {
  return new AegisError('UPSTREAM_TIMEOUT', `D-Bus: ${member} took longer than ${CALL_MS / 1_000} s.`);
}

function failed(member: string, error: unknown): AegisError {
  const reason = error instanceof Error ? error.message : String(error);
  return new AegisError('UPSTREAM_FAILED', `D-Bus: ${member} failed: ${reason}`, { cause: error });
}
