/** An object of the response under construction; keys are response names. */
export type DataObject = Record<string, unknown>;

export function isDataObject(value: unknown): value is DataObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Where a value stands in the client's response. */
export type ResponsePath = readonly (string | number)[];
