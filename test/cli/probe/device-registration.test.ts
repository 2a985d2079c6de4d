import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { registerDevice, type DeclaredDevice } from '../../../cli/probe/device-registration.js';
import { openFakeAegis, type FakeAegis } from './fake-aegis.js';

const METRIC = { name: 'cpu.user', unit: '%', description: 'Time in programs', minimum: 0, maximum: 100 };
const DEVICE: DeclaredDevice = { name: 'host', description: 'A machine', metrics: [METRIC] };

let aegis: FakeAegis;

beforeEach(async () => {
  aegis = await openFakeAegis();
});

afterEach(() => aegis.close());

const register = (device = DEVICE, token?: string, signal = new AbortController().signal) =>
  registerDevice({ graphqlUrl: aegis.url, device, token, signal });

describe('the registration of the host', () => {
  it('registers a device that is absent, with its metrics and the token', async () => {
    expect(await register(DEVICE, 'key-1')).toBe('dev_1');
    expect([...aegis.devices.values()]).toMatchObject([DEVICE]);
    expect(aegis.authorizations).toEqual(['Bearer key-1', 'Bearer key-1']);
  });

  it('leaves a device alone that has the same metrics already', async () => {
    await register();
    expect(await register()).toBe('dev_1');
    expect(aegis.mutations).toEqual(['register']);
  });

  it('updates a device whose metrics are others', async () => {
    await register();
    const metrics = [{ ...METRIC, maximum: null }];
    expect(await register({ ...DEVICE, metrics })).toBe('dev_1');
    expect(aegis.mutations).toEqual(['register', 'update']);
    expect(aegis.devices.get('dev_1')?.metrics).toMatchObject(metrics);
  });

  it('passes a refusal on with its code', async () => {
    aegis.refusal = { code: 'BAD_USER_INPUT', message: 'expected another name', path: [] };
    await expect(register()).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: 'expected another name',
    });
  });

  it('takes a conflict for something that another attempt mends: somebody registered it in between', async () => {
    aegis.refusal = { code: 'CONFLICT', message: 'there is one', path: [] };
    await expect(register()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('names what came instead of a GraphQL response', async () => {
    aegis.unavailableStatus = 503;
    await expect(register()).rejects.toMatchObject({
      code: 'UPSTREAM_FAILED',
      message: expect.stringContaining('not yet'),
    });
  });

  it('names why nothing answered', async () => {
    await aegis.close();
    await expect(register()).rejects.toMatchObject({
      code: 'UPSTREAM_FAILED',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });
});
