import { parse } from 'graphql';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import { hasCredentials } from '../supergraph/describe-address.js';
import type { SubgraphAddress } from '../supergraph/snapshot.js';
import type { RegisteredSubgraph } from './registered-file.js';
import type { ChangeProblem, RegistrationInput } from './subgraph-change.js';

export interface ReadRegistrationOptions {
  /** Asks a subgraph for its contract. Errors: AegisError. */
  readonly fetchSdl: (url: URL) => Promise<string>;
  /** Errors: FORBIDDEN for an address that may not be called. */
  readonly checkAddress: (url: URL) => Promise<void>;
  readonly served: readonly SubgraphAddress[];
  readonly now: () => Date;
}

const NAME = /^[A-Za-z][\w-]{0,63}$/;

/** Reads what is to be registered, or says what is wrong with it. */
export async function readRegistration(
  { name, url, sdl }: RegistrationInput,
  options: ReadRegistrationOptions,
): Promise<RegisteredSubgraph | { readonly problem: ChangeProblem }> {
  if (!NAME.test(name)) {
    return wrong(
      'name',
      `expected up to 64 letters, digits, dashes and underscores after a letter, got ${JSON.stringify(name)}.`,
    );
  }
  const text = url ?? options.served.find((one) => one.name === name)?.url;
  if (text === undefined || !URL.canParse(text)) {
    return wrong(
      'url',
      `expected where ${name} answers, such as http://${name}:4001/graphql, got ${text ?? 'nothing'}.`,
    );
  }
  if (hasCredentials(new URL(text))) {
    return wrong(
      'url',
      'expected an address without a user and a password: they are shown, and are not sent.',
    );
  }
  const mistake = findMistake(sdl);
  if (mistake !== undefined) return wrong('sdl', `expected the SDL of a subgraph, but: ${mistake}`);
  return readContract({ name, url: new URL(text), sdl: sdl ?? undefined }, options);
}

async function readContract(
  { name, url, sdl }: { name: string; url: URL; sdl: string | undefined },
  { checkAddress, fetchSdl, now }: ReadRegistrationOptions,
): Promise<RegisteredSubgraph | { readonly problem: ChangeProblem }> {
  try {
    await checkAddress(url);
    const contract = sdl ?? (await fetchSdl(url));
    const source = sdl === undefined ? 'URL' : 'SDL';
    return { name, url: url.href, sdl: contract, registeredAt: now(), source };
  } catch (error) {
    if (error instanceof AegisError) return wrong('url', error.message, error.code);
    throw error;
  }
}

function findMistake(sdl: string | null | undefined): string | undefined {
  if (sdl === undefined || sdl === null) return undefined;
  try {
    parse(sdl, { noLocation: true });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function wrong(field: string, message: string, code = 'BAD_USER_INPUT'): { readonly problem: ChangeProblem } {
  return { problem: { code, message: `${field}: ${message}`, path: [field] } };
}
