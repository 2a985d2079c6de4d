import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { generate, parse, type Option, type Packet, type ParsedPacket } from 'coap-packet';

/** What was written to a device. */
export interface CoapWrite {
  readonly method: 'POST' | 'PUT';
  readonly path: string;
  readonly text: string;
}

/** A device that serves one resource which may be observed, takes what is written to others, and tells who reads it. */
export interface CoapDevice {
  readonly port: number;
  readonly writes: readonly CoapWrite[];
  /** How often the resource was asked for without being observed. */
  reads(): number;
  /** Gives the resource another state, of which nobody is told. */
  put(text: string): void;
  /** Gives the resource another state; resolves once an observer has acknowledged that or a newer one. */
  tell(text: string): Promise<void>;
  /** Answers nobody who asks for the resource from now on. */
  fallSilent(): void;
  /** Safe to call twice. */
  close(): Promise<void>;
}

interface Observer {
  readonly remote: RemoteInfo;
  readonly token: Buffer;
  number: number;
}

/** A notification on its way. */
interface Flight {
  readonly messageId: number;
  readonly state: number;
  readonly timer: NodeJS.Timeout;
}

const JSON_FORMAT = Buffer.from([50]);
/** How often a notification is repeated until it is acknowledged, in milliseconds: sooner than devices do, as it is a test. */
const REPEAT_MS = 200;
const METHODS: Readonly<Record<string, CoapWrite['method']>> = { '0.02': 'POST', '0.03': 'PUT' };

/**
 * Opens one on loopback. It notifies with confirmable messages and has one of them on its way at a time; what it is told
 * meanwhile takes its turn, the newest alone. Source: RFC 7641, §4.5.2.
 */
export async function openCoapDevice(): Promise<CoapDevice> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const writes: CoapWrite[] = [];
  const settlers: { readonly state: number; readonly settle: () => void }[] = [];
  let body = '';
  let state = 0;
  let told = 0;
  let reads = 0;
  let observer: Observer | undefined;
  let flight: Flight | undefined;
  let closed = false;
  let isSilent = false;
  let lastId = 0;

  const send = (packet: Packet, { port, address }: RemoteInfo) => {
    if (!closed) socket.send(generate(packet), port, address);
  };
  const nextId = () => (lastId = (lastId % 65_535) + 1);

  function notify(): void {
    if (!observer || flight || told >= state) return;
    const { remote, token } = observer;
    observer.number += 1;
    const messageId = nextId();
    const options = [observeOption(observer.number), formatOption()];
    const packet = {
      ...{ code: '2.05', confirmable: true, messageId, token, options },
      payload: Buffer.from(body),
    };
    const repeat = () => {
      send(packet, remote);
    };
    flight = { messageId, state, timer: setInterval(repeat, REPEAT_MS) };
    repeat();
  }

  function takeAcknowledgement({ messageId, reset }: ParsedPacket): void {
    if (flight?.messageId !== messageId) return;
    clearInterval(flight.timer);
    if (reset) observer = undefined;
    else settle(flight.state);
    flight = undefined;
    notify();
  }

  function settle(reached: number): void {
    told = reached;
    for (const one of settlers.filter((waiting) => waiting.state <= reached)) {
      settlers.splice(settlers.indexOf(one), 1);
      one.settle();
    }
  }

  function takeRequest(packet: ParsedPacket, remote: RemoteInfo): void {
    const { code, token, messageId, options, payload } = packet;
    const reply = { ack: true, messageId, token };
    const method = METHODS[code];
    if (method !== undefined) {
      const path = options.filter(({ name }) => name === 'Uri-Path').map(({ value }) => String(value));
      writes.push({ method, path: `/${path.join('/')}`, text: payload.toString() });
      send({ ...reply, code: '2.04' }, remote);
      return;
    }
    const asked = options.find(({ name }) => name === 'Observe');
    const isObserved = asked !== undefined && asked.value.length === 0;
    if (isObserved) observer = { remote, token, number: observer?.number ?? 1 };
    else if (asked) observer = undefined;
    else reads += 1;
    if (isSilent) return;
    const more = isObserved ? [observeOption(observer?.number ?? 1)] : [];
    send({ ...reply, code: '2.05', options: [...more, formatOption()], payload: Buffer.from(body) }, remote);
    if (isObserved) setImmediate(notify);
  }

  socket.on('message', (datagram, remote) => {
    const packet = parse(datagram);
    if (packet.ack || packet.reset) takeAcknowledgement(packet);
    else takeRequest(packet, remote);
  });

  return {
    writes,
    port: socket.address().port,
    reads: () => reads,
    put(text) {
      body = text;
    },
    tell(text) {
      body = text;
      state += 1;
      const own = state;
      const settled = new Promise<void>((resolve) => settlers.push({ state: own, settle: resolve }));
      notify();
      return settled;
    },
    fallSilent() {
      isSilent = true;
    },
    async close() {
      if (closed) return;
      closed = true;
      clearInterval(flight?.timer);
      socket.close();
      await once(socket, 'close');
    },
  };
}

function observeOption(number: number): Option {
  return { name: 'Observe', value: Buffer.from([number >> 8, number & 0xff]) };
}

function formatOption(): Option {
  return { name: 'Content-Format', value: JSON_FORMAT };
}
