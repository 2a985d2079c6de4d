import { afterEach, describe, expect, it } from '@jest/globals';
import { Worker } from 'node:worker_threads';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { createJsonataCodec } from '../../../../subgraphs/devices/codecs/jsonata/jsonata-codec.js';
import { findExpressionFault } from '../../../../subgraphs/devices/codecs/jsonata/find-expression-fault.js';
import {
  createMappingWorker,
  type MappingWorker,
} from '../../../../subgraphs/devices/codecs/jsonata/mapping-worker.js';

const CONTEXT = { arrivedAtUs: 1 };

let worker: MappingWorker | undefined;
afterEach(() => worker?.close());

function open(deadlineMs?: number): MappingWorker {
  worker = createMappingWorker(deadlineMs === undefined ? {} : { deadlineMs });
  return worker;
}

const decode = (mapping: MappingWorker, expression: string, document: unknown) =>
  Promise.resolve(
    createJsonataCodec(expression, mapping).decode(Buffer.from(JSON.stringify(document)), CONTEXT),
  );

/** Nothing but time ends it. */
const ENDLESS = '$match(text, /^(a+)+$/)';
const ENDLESS_DOCUMENT = { text: `${'a'.repeat(60)}!` };

/** A thread that answers everything with one value, but only after a while. */
function startSlowly(afterMs: number): Worker {
  const code = `const { parentPort } = require('node:worker_threads');
    setTimeout(() => parentPort.on('message', ({ id }) => {
      parentPort.postMessage({ id, isBegun: true });
      parentPort.postMessage({ id, text: '{"temperature": 1}' });
    }), ${afterMs});`;
  return new Worker(code, { eval: true });
}

describe('a mapping of foreign JSON', () => {
  it('makes telemetry of the uplinks of a network server', async () => {
    const uplink = {
      received_at: '2026-01-31T12:00:00Z',
      uplink_message: { decoded_payload: { temp: 21.5, rh: 40 }, f_cnt: 17 },
    };
    const expression = `{
      "ts": received_at,
      "sequence": uplink_message.f_cnt,
      "values": uplink_message.decoded_payload.{ "temperature": temp, "humidity": rh }
    }`;
    const measuredAtUs = Date.UTC(2026, 0, 31, 12) * 1_000;
    expect(await decode(open(), expression, uplink)).toEqual([
      { metric: 'temperature', value: 21.5, measuredAtUs, sequence: 17n },
      { metric: 'humidity', value: 40, measuredAtUs, sequence: 17n },
    ]);
  });

  it('makes a list of entries of a list', async () => {
    const expression = 'data.{ "ts": t * 1000, "values": { "temperature": v } }';
    const document = {
      data: [
        { t: 1e9, v: 1 },
        { t: 1_000_000_001, v: 2 },
      ],
    };
    expect(await decode(open(), expression, document)).toMatchObject([{ value: 1 }, { value: 2 }]);
  });

  it('is refused where it gives nothing, or no telemetry', async () => {
    const mapping = open();
    await expect(decode(mapping, 'missing', {})).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    await expect(decode(mapping, '"text"', {})).rejects.toThrow(/expected an object of metrics/);
    await expect(decode(mapping, '$sum(["a"])', {})).rejects.toThrow(/the mapping of the profile failed: /);
  });

  it.each([
    ['recursion without an end', '($f := function($x) { $f($x + 1) }; $f(1))'],
    ['recursion that is not in the tail', '($f := function($x) { 1 + $f($x) }; $f(1))'],
    ['a list that is too long', '[1..1000000000]'],
  ])('is stopped by its limits in %s', async (_what, expression) => {
    const mapping = open();
    await expect(decode(mapping, expression, {})).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    expect(await decode(mapping, '{ "temperature": 1 }', {})).toHaveLength(1);
  });

  it('is no matter of time: many steps are refused as such, and fewer are done', async () => {
    const mapping = open();
    const sumTo = (count: number) => `{ "temperature": $sum([1..${count}].($ * 2)) }`;
    await expect(decode(mapping, sumTo(90_000), {})).rejects.toThrow(/takes more than 200000 steps/);
    expect(await decode(mapping, sumTo(1_000), {})).toMatchObject([{ value: 1_001_000 }]);
  });

  it('is stopped by the deadline where nothing else stops it, and the next ones are done', async () => {
    const mapping = open(500);
    const stuck = decode(mapping, ENDLESS, ENDLESS_DOCUMENT);
    const next = decode(mapping, '{ "temperature": 1 }', {});
    await expect(stuck).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/takes longer than 500 ms/),
      retryAfterMs: 1_000,
    });
    expect(await next).toHaveLength(1);
  });

  it('may be tried again when it was stopped, and is refused for good the third time with the same document', async () => {
    const mapping = open(300);
    const codes: string[] = [];
    for (const document of [
      ENDLESS_DOCUMENT,
      ENDLESS_DOCUMENT,
      { ...ENDLESS_DOCUMENT, n: 1 },
      ENDLESS_DOCUMENT,
    ]) {
      const error: unknown = await decode(mapping, ENDLESS, document).catch((fault: unknown) => fault);
      codes.push(error instanceof AegisError ? error.code : String(error));
    }
    expect(codes).toEqual(['UNAVAILABLE', 'UNAVAILABLE', 'UNAVAILABLE', 'BAD_USER_INPUT']);
  });

  it('has its time from when the thread has come to it, not from when that was started', async () => {
    const mapping = createMappingWorker({ deadlineMs: 1_000, startThread: () => startSlowly(2_000) });
    worker = mapping;
    expect(await decode(mapping, 'any', {})).toHaveLength(1);
  });

  it('may be tried again when the thread cannot be started', async () => {
    const mapping = createMappingWorker({
      startThread: () => new Worker('throw new Error("no")', { eval: true }),
    });
    worker = mapping;
    const both = await Promise.allSettled([decode(mapping, '1', {}), decode(mapping, '2', {})]);
    expect(both).toMatchObject([{ reason: { code: 'UNAVAILABLE' } }, { reason: { code: 'UNAVAILABLE' } }]);
  });

  it('ends its thread alone when it needs too much memory', async () => {
    const mapping = open(20_000);
    const expression =
      '($f := function($l, $n) { $n = 0 ? $l : $f($append($l, $map($l, function($v) { $v & "x" })), $n - 1) }; $f(["a"], 40))';
    await expect(decode(mapping, expression, {})).rejects.toMatchObject({ name: 'AegisError' });
    expect(await decode(mapping, '{ "temperature": 1 }', {})).toHaveLength(1);
  });

  it('refuses what comes after its end', async () => {
    const mapping = open();
    await mapping.close();
    await expect(decode(mapping, '{ "temperature": 1 }', {})).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('an expression', () => {
  it('is judged before it is used', () => {
    expect(findExpressionFault('{ "temperature": temp }')).toBeUndefined();
    expect(findExpressionFault('{ "temperature": ')).toMatch(/\./);
    expect(findExpressionFault('(')).toMatch(/at character/);
  });
});
