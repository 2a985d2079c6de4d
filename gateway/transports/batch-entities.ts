import { forwardedKeyOf } from './forwarded-key.js';
import { createInFlight } from './in-flight.js';
import { pickEntities, type EntityPlaces } from './pick-entities.js';
import type { SubgraphRequest, SubgraphResponse, Transport } from './transport.js';

/** Fetches of entities that are sent as one. */
interface Batch {
  readonly name: string;
  /** Where each representation stands. */
  readonly places: Map<string, number>;
  readonly members: Member[];
}

interface Member {
  readonly request: SubgraphRequest;
  readonly entities: EntityPlaces;
  /** Is told when the batch is closed. */
  readonly go: () => void;
}

/** A batch that would have more is closed, and the next one begins. */
const MAX_REPRESENTATIONS = 1_000;

/**
 * Makes a decorator by which fetches of entities are sent together when they ask one subgraph the same with the same
 * variables, in the name of the same client, and begin in the same turn of the event loop: as one request with the
 * representations of all, each once. Other requests pass at once.
 *
 * It is meant for events of subscriptions: of those that are told at one time, many need the same.
 *
 * Source: Apollo Federation subgraph specification, `Query._entities`: as many entities as representations, in their order.
 */
export function createEntityBatching(): (transport: Transport) => Transport {
  const decorated = new WeakMap<Transport, Transport>();
  return (transport) => {
    const known = decorated.get(transport) ?? batchEntities(transport);
    decorated.set(transport, known);
    return known;
  };
}

function batchEntities(transport: Transport): Transport {
  const open = new Map<string, Batch>();
  const sent = createInFlight<SubgraphResponse>();
  let count = 0;

  function close(key: string, batch: Batch): void {
    if (open.get(key) === batch) open.delete(key);
    for (const { go } of batch.members) go();
  }

  function findOrOpen(key: string, representations: number): Batch {
    const known = open.get(key);
    if (known && known.places.size + representations <= MAX_REPRESENTATIONS) return known;
    if (known) close(key, known);
    count += 1;
    const batch: Batch = { name: String(count), places: new Map(), members: [] };
    open.set(key, batch);
    setImmediate(close, key, batch);
    return batch;
  }

  async function executeIn(batch: Batch, request: SubgraphRequest): Promise<SubgraphResponse> {
    const entities = addTo(batch.places, request.representations ?? []);
    await new Promise<void>((go) => {
      batch.members.push({ request, entities, go });
    });
    if (batch.members.length === 1) return transport.execute(request);
    const representations = [...batch.places.keys()];
    const response = await sent.join(batch.name, request.signal, (signal) =>
      transport.execute({ ...request, representations, signal }),
    );
    return pickEntities(response, entities);
  }

  return {
    ...transport,
    execute(request) {
      const { representations } = request;
      if (!representations) return transport.execute(request);
      return executeIn(findOrOpen(keyOf(request), representations.length), request);
    },
  };
}

/** Gives representations their places among those of a batch. */
function addTo(places: Map<string, number>, representations: readonly string[]): EntityPlaces {
  const own = new Set<number>();
  const at = representations.map((text) => {
    const known = places.get(text);
    if (known !== undefined) return known;
    const place = places.size;
    places.set(text, place);
    own.add(place);
    return place;
  });
  return { at, own };
}

/** What is the same for all that may be sent together: also who asks, for a subgraph may answer each of them otherwise. */
function keyOf({ operation, variables, context }: SubgraphRequest): string {
  const { subject, workspace, roles } = context.principal;
  const identity = JSON.stringify([subject, workspace, roles]);
  return [identity, forwardedKeyOf(context), JSON.stringify(variables), operation.unnamedText].join('\n');
}
