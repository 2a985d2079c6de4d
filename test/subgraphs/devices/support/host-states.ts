import type { IClientOptions } from 'mqtt';
import { parseHostState } from '../../../../subgraphs/devices/protocols/sparkplug/host-state.js';
import { connectMqtt } from './mqtt.js';

/** A state of a host application of Sparkplug, as an edge node hears it. */
export interface HeardState {
  readonly online: boolean;
  readonly timestamp: number;
  /** Whether the broker had it before the node came. */
  readonly retain: boolean;
}

/** An edge node that listens to what is told of a host application. */
export interface StateListener {
  readonly states: readonly HeardState[];
  close(): Promise<void>;
}

/** Listens to the states of a host. */
export async function hearStates(
  url: string,
  hostId: string,
  options: IClientOptions = {},
): Promise<StateListener> {
  const states: HeardState[] = [];
  const client = await connectMqtt(url, options);
  client.on('message', (_topic, payload, { retain }) => {
    const state = parseHostState(payload);
    if (state) states.push({ ...state, retain });
  });
  await client.subscribeAsync(`spBv1.0/STATE/${hostId}`, { qos: 1 });
  return { states, close: () => client.endAsync(true) };
}
