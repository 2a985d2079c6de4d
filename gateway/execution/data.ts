/** An object of the response under construction; keys are response names. */
export type DataObject = Record<string, unknown>;

/** Whether a value is an object of the response. */
export function isDataObject(value: unknown): value is DataObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A field's value. Response names are the client's to choose: `constructor` must not find what every object inherits. */
export function valueOf(object: DataObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Reads one field of many objects: what {@link valueOf} does, decided once where the name allows it. */
export function readerOf(key: string): (object: DataObject) => unknown {
  return key in Object.prototype ? (object) => valueOf(object, key) : (object) => object[key];
}

/** Sets a field, also one that the client calls `__proto__`, which a plain assignment would take for the prototype. */
export function setValue(object: DataObject, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  else object[key] = value;
}

/** Where a value stands in the client's response. */
export type ResponsePath = readonly (string | number)[];
