import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Kind, parse } from 'graphql';
import { UploadedFile } from '../../../kernel/graphql/uploaded-file.js';
import { serveRemoteGateway, type RemoteGateway } from '../../support/remote-gateway.js';
import { openTestGateway } from '../../support/test-gateway.js';

/** A subgraph that notes what it is sent. */
interface Seen {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const seen: Seen[] = [];
const closing: (() => Promise<void>)[] = [];
let gateway: RemoteGateway;

/** Whatever a fetch asks for is 2. */
function answer(body: string): string {
  const start = body.indexOf('{');
  const end = body.includes('\r\n--') ? body.indexOf('\r\n--', start) : undefined;
  const { query } = JSON.parse(body.slice(start, end)) as { query: string };
  const [operation] = parse(query).definitions;
  const selections = operation?.kind === Kind.OPERATION_DEFINITION ? operation.selectionSet.selections : [];
  const names = selections.flatMap((node) =>
    node.kind === Kind.FIELD ? [(node.alias ?? node.name).value] : [],
  );
  return JSON.stringify({ data: Object.fromEntries(names.map((name) => [name, 2])) });
}

beforeEach(async () => {
  seen.length = 0;
  const subgraph = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => {
      const body = Buffer.concat(chunks);
      seen.push({ headers: request.headers, body });
      response.setHeader('content-type', 'application/json').end(answer(body.toString()));
    });
  });
  await new Promise<void>((resolve) => subgraph.listen(0, '127.0.0.1', resolve));
  closing.push(async () => {
    await new Promise((resolve) => {
      subgraph.close(resolve);
      subgraph.closeAllConnections();
    });
  });
  const { port } = subgraph.address() as AddressInfo;
  const typeDefs = parse(`
    scalar Upload
    input Album { title: String cover: Upload }
    type Query { ok: Boolean  size(file: Upload): Int }
    type Mutation { store(file: Upload, files: [Upload!], album: Album): Int  other: Int }`);
  gateway = await serveRemoteGateway([{ name: 'files', url: `http://127.0.0.1:${port}/graphql`, typeDefs }], {
    maxFiles: 2,
    maxFileBytes: 1_000,
    maxBatch: 2,
  });
  closing.push(() => gateway.close());
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Form {
  readonly operations: unknown;
  readonly map: unknown;
  readonly files: Readonly<Record<string, File>>;
}

const PREFLIGHT = { 'apollo-require-preflight': 'true' };

async function upload({ operations, map, files }: Form, headers: Record<string, string> = PREFLIGHT) {
  const form = new FormData();
  form.append('operations', JSON.stringify(operations));
  form.append('map', JSON.stringify(map));
  for (const [name, file] of Object.entries(files)) form.append(name, file);
  const response = await fetch(`${gateway.url}/graphql`, { method: 'POST', headers, body: form });
  const json = (await response.json()) as { errors?: { extensions: { code: string } }[]; data?: unknown };
  return { status: response.status, json, code: json.errors?.[0]?.extensions.code };
}

const text = (content: string, name = 'a.txt') => new File([content], name, { type: 'text/plain' });
const STORE = 'mutation ($file: Upload) { store(file: $file) }';
const one = (file: File): Form => ({
  operations: { query: STORE, variables: { file: null } },
  map: { 0: ['variables.file'] },
  files: { 0: file },
});

/** What the subgraph was sent, read by somebody else's parser. */
async function readForm({ headers, body }: Seen) {
  const type = headers['content-type'] ?? '';
  const response = new Response(new Uint8Array(body), { headers: { 'content-type': type } });
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- it is not for servers, and this is a test
  const form = await response.formData();
  const parts = [...form].map(async ([name, value]) => {
    if (typeof value === 'string') return [name, { text: value, type: '' }] as const;
    return [name, { text: await value.text(), type: value.type }] as const;
  });
  const read = new Map(await Promise.all(parts));
  return (name: string) => read.get(name) ?? { text: 'null', type: '' };
}

describe('a mutation with files', () => {
  it('is passed on to the subgraph that takes them, as it came', async () => {
    const { status, json } = await upload(one(text('hello "you"', 'my "file".txt')));
    expect([status, json]).toEqual([200, { data: { store: 2 } }]);
    const [request] = seen;
    if (!request) throw new Error('the subgraph was not asked');
    expect(request.headers['apollo-require-preflight']).toBe('true');
    const part = await readForm(request);
    expect(JSON.parse(part('operations').text)).toMatchObject({ variables: { file: null } });
    expect(JSON.parse(part('map').text)).toEqual({ 0: ['variables.file'] });
    expect(part('0')).toEqual({ text: 'hello "you"', type: 'text/plain' });
  });

  it('may have them in lists and in input objects', async () => {
    const query = 'mutation ($files: [Upload!], $album: Album) { store(files: $files, album: $album) }';
    await upload({
      operations: { query, variables: { files: [null], album: { title: 'x', cover: null } } },
      map: { a: ['variables.files.0'], b: ['variables.album.cover'] },
      files: { a: text('one'), b: text('two') },
    });
    const [request] = seen;
    if (!request) throw new Error('the subgraph was not asked');
    const part = await readForm(request);
    expect(JSON.parse(part('map').text)).toEqual({
      0: ['variables.files.0'],
      1: ['variables.album.cover'],
    });
    expect(part('1').text).toBe('two');
  });

  it('may be one of a batch', async () => {
    const { json } = await upload({
      operations: [{ query: STORE, variables: { file: null } }, { query: 'mutation { other }' }],
      map: { 0: ['0.variables.file'] },
      files: { 0: text('one') },
    });
    expect(json).toEqual([{ data: { store: 2 } }, { data: { other: 2 } }]);
    const types = seen.map(({ headers }) => headers['content-type']?.split(';')[0]);
    expect(types.sort()).toEqual(['application/json', 'multipart/form-data']);
  });

  it('is handed by reference to a subgraph in this process', async () => {
    const received: unknown[] = [];
    const local = openTestGateway({
      files: {
        typeDefs: 'scalar Upload type Query { ok: Boolean } type Mutation { store(file: Upload): Int }',
        resolvers: {
          Mutation: {
            store: (_parent: unknown, { file }: { file: UploadedFile }) => {
              received.push(file);
              return file.bytes.length;
            },
          },
        },
      },
    });
    closing.push(() => local.close());
    const facts = { filename: 'a', mimetype: 'text/plain', encoding: '7bit' };
    const file = new UploadedFile({ ...facts, bytes: Buffer.from('abc') });
    expect(await local.run(STORE, { file })).toEqual({ data: { store: 3 } });
    expect(received[0]).toBe(file);
  });

  it.each<[string, Form, Record<string, string> | undefined, number, string]>([
    ['without the header that no form can set', one(text('x')), {}, 400, 'BAD_USER_INPUT'],
    ['with a file that is too large', one(text('x'.repeat(1_001))), undefined, 413, 'PAYLOAD_TOO_LARGE'],
    [
      'with too many files',
      { ...one(text('x')), files: { 0: text('a'), 1: text('b'), 2: text('c') } },
      undefined,
      413,
      'PAYLOAD_TOO_LARGE',
    ],
    ['without a file that the map names', { ...one(text('x')), files: {} }, undefined, 400, 'BAD_USER_INPUT'],
    [
      'with a map that leads elsewhere',
      { ...one(text('x')), map: { 0: ['__proto__.polluted'] } },
      undefined,
      400,
      'BAD_USER_INPUT',
    ],
    [
      'when it is a query',
      {
        ...one(text('x')),
        operations: { query: 'query ($file: Upload) { size(file: $file) }', variables: { file: null } },
      },
      undefined,
      400,
      'BAD_USER_INPUT',
    ],
    ['with operations that are none', { ...one(text('x')), operations: 5 }, undefined, 400, 'BAD_USER_INPUT'],
  ])('is refused %s', async (_what, form, headers, status, code) => {
    const answer = await upload(form, headers ?? PREFLIGHT);
    expect([answer.status, answer.code]).toEqual([status, code]);
    expect(seen).toEqual([]);
  });

  it('is refused when its body breaks off', async () => {
    const response = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { ...PREFLIGHT, 'content-type': 'multipart/form-data; boundary=x' },
      body: '--x\r\ncontent-disposition: form-data; name="operations"\r\n\r\n{',
    });
    expect(response.status).toBe(400);
  });
});
