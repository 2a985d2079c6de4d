import { describe, expect, it } from '@jest/globals';
import { continueTrace } from '../../../kernel/telemetry/trace-context.js';

/** Example of W3C Trace Context, Level 1, §3.2.2.5. */
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';

describe('a trace', () => {
  it('is continued under a span of its own', () => {
    const { traceId, traceparent } = continueTrace(`00-${TRACE}-${PARENT}-01`);
    expect(traceId).toBe(TRACE);
    expect(traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
    expect(traceparent).not.toMatch(PARENT);
  });

  it('stays unsampled where its beginning was', () => {
    expect(continueTrace(`00-${TRACE}-${PARENT}-00`).traceparent).toMatch(/-00$/);
  });

  it('is continued from later versions, which may append fields', () => {
    expect(continueTrace(`01-${TRACE}-${PARENT}-01-more`).traceId).toBe(TRACE);
  });

  it.each([
    ['nothing', undefined],
    ['an empty text', ''],
    ['an all-zero trace', `00-${'0'.repeat(32)}-${PARENT}-01`],
    ['an all-zero parent', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['upper case', `00-${TRACE.toUpperCase()}-${PARENT}-01`],
    ['more than version 00 has', `00-${TRACE}-${PARENT}-01-more`],
    ['the forbidden version', `ff-${TRACE}-${PARENT}-01`],
    ['too short an id', `00-${TRACE.slice(1)}-${PARENT}-01`],
  ])('begins anew from %s', (_what, header) => {
    const { traceId, traceparent } = continueTrace(header);
    expect(traceId).toMatch(/^(?!0+$)[0-9a-f]{32}$/);
    expect(traceId).not.toBe(TRACE);
    expect(traceparent).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`));
  });
});
