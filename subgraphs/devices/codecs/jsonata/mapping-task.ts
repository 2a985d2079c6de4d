/** A mapping that a thread is asked for. */
export interface MappingTask {
  readonly id: number;
  readonly expression: string;
  /** What is mapped: a document of JSON, as text, since that alone can be handed over however deep it is. */
  readonly text: string;
}

/** That the thread has come to a task; then what came of it: a document of JSON as text, undefined for nothing; or why not. */
export type MappingAnswer = { readonly id: number } & (
  { readonly isBegun: true } | { readonly text: string | undefined } | { readonly fault: string }
);
