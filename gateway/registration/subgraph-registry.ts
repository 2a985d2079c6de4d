import type { Logger } from '../../kernel/telemetry/logger.js';
import type { Gateway } from '../gateway.js';
import type { Planning } from '../planning/planning.js';
import { CompositionFailed } from '../supergraph/composition-failed.js';
import { describeAddress } from '../supergraph/describe-address.js';
import { SupergraphInvalid } from '../supergraph/snapshot.js';
import { reportChanges } from './change-report.js';
import { withoutAddresses, type GuestAddresses } from './guest-addresses.js';
import { createLatestOnly } from './latest-only.js';
import { readRegistration } from './read-registration.js';
import type { RegisteredFile, RegisteredSubgraph } from './registered-file.js';
import { createSerialQueue } from './serial-queue.js';
import type { ChangeOptions, ChangeOutcome, RegistrationInput, ServedSubgraph } from './subgraph-change.js';
import { createSupergraphBase, type ComposedWith } from './supergraph-base.js';

/** Adds subgraphs to the supergraph of a running gateway, and takes them away. Changes are made one after the other. */
export interface SubgraphRegistry {
  /** Takes what was registered before. What does not compose any more is told to the log, and stays registered. */
  start(): Promise<void>;
  list(): readonly ServedSubgraph[];
  /** Registers a subgraph, or another contract or address of one, which may be one of the supergraph's own. */
  register(input: RegistrationInput, options?: ChangeOptions): Promise<ChangeOutcome>;
  /** Takes a registered subgraph away; where one of the supergraph's own has its name, that one is there again. */
  remove(name: string, options?: ChangeOptions): Promise<ChangeOutcome>;
  /**
   * Takes another supergraph as the one to which the registered subgraphs are added, however many changes wait: nobody
   * would try it again. Of several that wait, the latest alone is taken.
   *
   * Errors: SupergraphInvalid, CompositionFailed, and nothing has changed.
   */
  takeBase(sdl: string): Promise<void>;
}

export interface SubgraphRegistryOptions {
  readonly gateway: Pick<Gateway, 'current' | 'swap' | 'usage'>;
  readonly planning: Planning;
  /** The supergraph that the gateway began with. */
  readonly baseSdl: string;
  /** Undefined where nothing outlives the process. */
  readonly file: RegisteredFile | undefined;
  /** Asks a subgraph for its contract. Errors: AegisError. */
  readonly fetchSdl: (url: URL) => Promise<string>;
  /** Errors: FORBIDDEN for an address that may not be called. */
  readonly checkAddress: (url: URL) => Promise<void>;
  /** Whether a URL may be called as far as it says itself; what was registered when more was allowed is left out. */
  readonly mayBeAt: (url: URL) => boolean;
  /** Is told where subgraphs are that somebody has registered, before they are called there. */
  readonly guests: GuestAddresses;
  readonly logger: Logger;
  readonly now?: () => Date;
}

type Registered = ReadonlyMap<string, RegisteredSubgraph>;

/** How many changes may wait, beside another supergraph. */
const MAX_WAITING = 16;

/** Makes one of nothing but the supergraph itself; see {@link SubgraphRegistry.start}. */
export function createSubgraphRegistry(options: SubgraphRegistryOptions): SubgraphRegistry {
  const { gateway, file, logger, now = () => new Date() } = options;
  const oneByOne = createSerialQueue(MAX_WAITING);
  let base = createSupergraphBase({ ...options, sdl: options.baseSdl });
  let registered: Registered = new Map();

  async function change(
    name: string,
    next: Registered,
    { dryRun = false }: ChangeOptions,
  ): Promise<ChangeOutcome> {
    const composed = await base.composeWith([...next.values()]);
    const { supergraph, hints } = composed;
    const { id, apiSchema } = supergraph.snapshot;
    const before = gateway.current.snapshot.apiSchema;
    const changes = await reportChanges(before, apiSchema, await gateway.usage.totals());
    const told = { name, supergraphId: id, changes, hints };
    if (dryRun) {
      supergraph.close();
      return { kind: 'checked', ...told };
    }
    await take(composed, next);
    logger.info({ subgraph: name, supergraph: id, changes: changes.length }, 'the subgraphs have changed');
    return { kind: 'taken', ...told };
  }

  /** On the disk first: what clients have seen must be there after a restart. */
  async function take(composed: ComposedWith, next: Registered): Promise<void> {
    await file?.save([...next.values()]);
    try {
      await swap(composed, options);
      registered = next;
    } catch (error) {
      await file?.save([...registered.values()]);
      throw error;
    }
  }

  async function register(input: RegistrationInput, changeOptions: ChangeOptions): Promise<ChangeOutcome> {
    const served = gateway.current.snapshot.subgraphs;
    const read = await readRegistration(input, { ...options, served, now });
    if ('problem' in read) return { kind: 'refused', problems: [read.problem] };
    return change(read.name, new Map([...registered, [read.name, read]]), changeOptions);
  }

  async function remove(name: string, changeOptions: ChangeOptions): Promise<ChangeOutcome> {
    if (!registered.has(name)) {
      const message = `expected the name of a subgraph that was registered, got ${JSON.stringify(name)}.`;
      return { kind: 'refused', problems: [{ code: 'NOT_FOUND', message, path: ['name'] }] };
    }
    const next = new Map(registered);
    next.delete(name);
    return change(name, next, changeOptions);
  }

  async function start(): Promise<void> {
    const before = new Map((await file?.load())?.map((one) => [one.name, one]));
    if (before.size === 0) return;
    registered = before;
    try {
      await swap(await base.composeWith([...before.values()]), options);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      logger.error(
        { reason: error.message, subgraphs: [...before.keys()] },
        'what was registered is not served',
      );
    }
  }

  async function takeBase(sdl: string): Promise<void> {
    const next = createSupergraphBase({ ...options, sdl });
    await swap(await next.composeWith([...registered.values()]), options);
    base = next;
  }

  return {
    start: () => oneByOne(start),
    list: () => listSubgraphs(gateway.current.snapshot.subgraphs, registered),
    register: (input, how = {}) => oneByOne(() => register(input, how)).catch(toOutcome),
    remove: (name, how = {}) => oneByOne(() => remove(name, how)).catch(toOutcome),
    takeBase: createLatestOnly((work) => oneByOne(work, { reserved: true }), takeBase),
  };
}

async function swap(
  { supergraph, guests: coming, leftOut }: ComposedWith,
  { gateway, guests, logger }: SubgraphRegistryOptions,
): Promise<void> {
  for (const { name, url } of leftOut)
    logger.error(
      { subgraph: name, url: describeAddress(url) },
      'was registered where it may not be called, and is not served',
    );
  guests.add(coming, withoutAddresses(supergraph.snapshot.subgraphs, coming));
  await gateway.swap(supergraph);
}

function listSubgraphs(
  served: readonly { readonly name: string; readonly url: string }[],
  registered: Registered,
): readonly ServedSubgraph[] {
  const all = served.map(({ name, url }): ServedSubgraph => {
    const known = registered.get(name);
    // Of two contracts of one name, the served one has the served address.
    const own = known?.url === url ? known : undefined;
    const source = own?.source ?? 'SUPERGRAPH';
    return { name, url, state: 'SERVED', source, registeredAt: own?.registeredAt };
  });
  const refused = [...registered.values()].filter(
    ({ name, url }) => !served.some((one) => one.name === name && one.url === url),
  );
  return [
    ...all,
    ...refused.map(({ name, url, source, registeredAt }): ServedSubgraph => ({
      name,
      url,
      state: 'REFUSED',
      source,
      registeredAt,
    })),
  ];
}

function isRefusal(error: unknown): error is CompositionFailed | SupergraphInvalid {
  return error instanceof CompositionFailed || error instanceof SupergraphInvalid;
}

/** What does not compose is for the caller to mend; everything else is a fault. */
function toOutcome(error: unknown): ChangeOutcome {
  if (!isRefusal(error)) throw error;
  const problems =
    error instanceof CompositionFailed
      ? error.problems
      : [{ code: 'BAD_USER_INPUT', message: error.message }];
  return { kind: 'refused', problems: problems.map((problem) => ({ ...problem, path: [] })) };
}
