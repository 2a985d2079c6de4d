import { meros } from 'meros/browser';
import {
  Environment,
  Network,
  Observable,
  RecordSource,
  Store,
  type GraphQLResponse,
  type PayloadData,
  type PayloadError,
} from 'relay-runtime';

/** A message of a response in parts, as `deferSpec=20220824` has it. */
interface Message extends Partial<Part> {
  readonly incremental?: readonly Part[];
  readonly hasNext: boolean;
}

interface Part {
  readonly data: PayloadData | null;
  readonly errors?: readonly PayloadError[];
  readonly path?: readonly (string | number)[];
  readonly label?: string;
  readonly extensions?: Record<string, unknown>;
}

/** Relay over HTTP, which takes what is deferred in parts. */
export function createRelayEnvironment(url = 'http://localhost:4000/graphql', apiKey?: string): Environment {
  const headers = {
    'content-type': 'application/json',
    accept: 'multipart/mixed; deferSpec=20220824, application/json',
    ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
  };
  const network = Network.create(({ text }, variables) =>
    Observable.create<GraphQLResponse>((sink) => {
      const left = new AbortController();
      const body = JSON.stringify({ query: text, variables });
      const read = async () => {
        const response = await fetch(url, { method: 'POST', headers, body, signal: left.signal });
        for await (const message of readMessages(response)) {
          for (const payload of toPayloads(message)) sink.next(payload);
        }
      };
      read().then(
        () => {
          sink.complete();
        },
        (error: unknown) => {
          if (!left.signal.aborted) sink.error(error instanceof Error ? error : new Error(String(error)));
        },
      );
      return () => {
        left.abort();
      };
    }),
  );
  return new Environment({ network, store: new Store(new RecordSource()) });
}

/** The messages as they come; what comes whole is the only one. */
async function* readMessages(response: Response): AsyncGenerator<Message> {
  const parts = await meros<Message>(response);
  if (parts instanceof Response) {
    yield { ...((await parts.json()) as Part), hasNext: false };
    return;
  }
  for await (const part of parts) {
    if (!part.json)
      throw new Error(`expected JSON in each part, but one has the headers ${JSON.stringify(part.headers)}`);
    yield part.body;
  }
}

/** A message as Relay takes it: each part by itself, and with the last that it is. */
function toPayloads({ incremental, hasNext, ...whole }: Message): GraphQLResponse[] {
  const parts = incremental ?? [{ data: null, ...whole }];
  return parts.map(
    (part, index) =>
      ({
        ...part,
        ...(part.errors && part.path ? { errors: inside(part.path, part.errors) } : {}),
        extensions: { ...part.extensions, is_final: !hasNext && index === parts.length - 1 },
      }) as GraphQLResponse,
  );
}

/** Relay looks for the place of an error from where its part begins; over the wire it is told from the root. */
function inside(from: readonly unknown[], errors: readonly PayloadError[]): PayloadError[] {
  return errors.map((error) => (error.path ? { ...error, path: error.path.slice(from.length) } : error));
}
