import { describe, expect, it } from '@jest/globals';
import { createToolNames } from '../../../../gateway/ingress/mcp/tool-names.js';

describe('the names of tools', () => {
  it('are those of the operations', () => {
    expect(createToolNames([]).take('Greet', 'a')).toBe('Greet');
  });

  it('differ where operations have the same one, always by the same addition', () => {
    const names = createToolNames(['execute_query']);
    const taken = [names.take('A', '1'), names.take('A', '2'), names.take('execute_query', '3')];
    expect(new Set([...taken, 'execute_query']).size).toBe(4);
    expect(taken[1]).toMatch(/^A_[\da-f]{8}$/);
    expect(createToolNames(['A']).take('A', '2')).toBe(taken[1]);
  });

  it('are made of what agents take, for operations without a name and with a long one, too', () => {
    const names = createToolNames([]);
    expect(names.take(undefined, 'sha256:ab/c')).toBe('operation_sha256_ab_c');
    const long = names.take('x'.repeat(200), 'a');
    expect(long).toMatch(/^\w{64}$/);
    expect(names.take('x'.repeat(200), 'b')).not.toBe(long);
  });
});
