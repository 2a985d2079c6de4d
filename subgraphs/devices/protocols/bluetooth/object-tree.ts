import type { DBusSignal } from './dbus.js';

/** The properties of one interface of an object. */
export type Properties = Readonly<Record<string, unknown>>;

/** What a service has told of its objects, kept as it is now. Source: D-Bus specification, org.freedesktop.DBus.ObjectManager. */
export interface ObjectTree {
  /** Takes all objects at once. */
  fill(objects: unknown): void;
  /** Takes a signal; those that tell nothing of objects are left alone. */
  take(signal: DBusSignal): void;
  get(path: string, name: string): Properties | undefined;
  /** All objects that have an interface. */
  list(name: string): [path: string, properties: Properties][];
  /** Told when anything has changed. The returned function ends it. */
  onChange(listener: () => void): () => void;
  /** Told each time a property is told, the same value again as well. The returned function ends it. */
  onValue(path: string, name: string, property: string, listener: (value: unknown) => void): () => void;
}

/** The most objects that are kept: BlueZ forgets peripherals that it has not seen for a while, and so do we. */
const MAX_OBJECTS = 20_000;

/** Makes it. */
export function createObjectTree(): ObjectTree {
  const objects = new Map<string, Map<string, Properties>>();
  const listeners = new Set<() => void>();
  const valueListeners = new Map<string, Set<(value: unknown) => void>>();

  function add(path: string, interfaces: unknown): void {
    if (!isRecord(interfaces) || (objects.size >= MAX_OBJECTS && !objects.has(path))) return;
    const known = objects.get(path) ?? new Map<string, Properties>();
    objects.set(path, known);
    for (const [name, properties] of Object.entries(interfaces)) {
      if (isRecord(properties)) known.set(name, properties);
    }
  }

  function remove(path: string, names: unknown): void {
    const known = objects.get(path);
    if (Array.isArray(names)) for (const name of names) known?.delete(String(name));
    if (known?.size === 0) objects.delete(path);
  }

  function change(path: string, name: string, changed: Properties, invalidated: unknown): void {
    const known = objects.get(path)?.get(name);
    if (!known) return;
    const gone = new Set(Array.isArray(invalidated) ? invalidated : []);
    const kept = Object.entries(known).filter(([key]) => !gone.has(key));
    objects.get(path)?.set(name, { ...Object.fromEntries(kept), ...changed });
    for (const [property, value] of Object.entries(changed)) {
      for (const listener of valueListeners.get(keyOf(path, name, property)) ?? []) listener(value);
    }
  }

  return {
    fill(all) {
      objects.clear();
      if (isRecord(all)) for (const [path, interfaces] of Object.entries(all)) add(path, interfaces);
    },
    take({ path, member, body: [first, second, third] }) {
      if (member === 'InterfacesAdded' && typeof first === 'string') add(first, second);
      else if (member === 'InterfacesRemoved' && typeof first === 'string') remove(first, second);
      else if (member === 'PropertiesChanged' && typeof first === 'string' && isRecord(second))
        change(path, first, second, third);
      else return;
      for (const listener of listeners) listener();
    },
    get: (path, name) => objects.get(path)?.get(name),
    list: (name) =>
      [...objects].flatMap(([path, interfaces]) => {
        const properties = interfaces.get(name);
        return properties ? [[path, properties] satisfies [string, Properties]] : [];
      }),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onValue(path, name, property, listener) {
      const key = keyOf(path, name, property);
      const known = valueListeners.get(key) ?? new Set();
      valueListeners.set(key, known.add(listener));
      return () => {
        known.delete(listener);
        if (known.size === 0) valueListeners.delete(key);
      };
    },
  };
}

function keyOf(path: string, name: string, property: string): string {
  return `${path} ${name} ${property}`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
