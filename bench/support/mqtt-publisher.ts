import { connect, type Socket } from 'node:net';

/** A device's connection that publishes with QoS 1. */
export interface MqttPublisher {
  /** Sends a message; `onAcknowledged` is told when its PUBACK comes. */
  publish(payload: Uint8Array): void;
  /** Sent and not acknowledged yet. */
  readonly inFlight: number;
  close(): void;
}

export interface MqttPublisherOptions {
  readonly port: number;
  readonly clientId: string;
  readonly topic: string;
  /** Told of each PUBACK with the time from its publish, in milliseconds. */
  readonly onAcknowledged: (latencyMs: number) => void;
  readonly onClosed: (error: Error) => void;
}

const CONNECT = 0x10;
const CONNACK = 0x20;
const PUBLISH_QOS_1 = 0x32;
const PUBACK = 0x40;
const PACKET_IDS = 65_535;
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Connects a publisher that writes its packets by hand: a client library would cost more processor time than the broker
 * that is measured, on a machine that both share.
 *
 * Source: MQTT 3.1.1, §2.2 (fixed header), §3.1 (CONNECT), §3.2 (CONNACK), §3.3 (PUBLISH), §3.4 (PUBACK).
 */
export async function connectMqttPublisher(options: MqttPublisherOptions): Promise<MqttPublisher> {
  const { port, clientId, topic, onAcknowledged, onClosed } = options;
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const sentAt = new Float64Array(PACKET_IDS + 1);
  const topicField = toField(topic);
  let packetId = 0;
  let inFlight = 0;
  let corked = false;

  await shakeHands(socket, clientId);
  readFrames(socket, (type, id) => {
    if (type !== PUBACK) return;
    inFlight -= 1;
    onAcknowledged(performance.now() - (sentAt[id] ?? 0));
  });
  socket.once('close', () => {
    onClosed(new Error(`${clientId}: the broker ended the connection with ${inFlight} messages in flight`));
  });

  /** What is published in one turn of the event loop leaves in one write. */
  function cork(): void {
    if (corked) return;
    corked = true;
    socket.cork();
    setImmediate(() => {
      corked = false;
      socket.uncork();
    });
  }

  return {
    get inFlight() {
      return inFlight;
    },
    publish(payload) {
      packetId = (packetId % PACKET_IDS) + 1;
      sentAt[packetId] = performance.now();
      inFlight += 1;
      cork();
      const id = Buffer.of(packetId >> 8, packetId & 0xff);
      socket.write(toPacket(PUBLISH_QOS_1, Buffer.concat([topicField, id, payload])));
    },
    close() {
      socket.removeAllListeners('close');
      socket.destroy();
    },
  };
}

async function shakeHands(socket: Socket, clientId: string): Promise<void> {
  const cleanSession = 0x02;
  const keepAlive = [0, 0];
  const head = Buffer.from([...toField('MQTT'), 4, cleanSession, ...keepAlive]);
  socket.write(toPacket(CONNECT, Buffer.concat([head, toField(clientId)])));
  await new Promise<void>((resolve, reject) => {
    const fail = () => {
      reject(new Error(`${clientId}: no CONNACK within ${CONNECT_TIMEOUT_MS} ms`));
    };
    const timer = setTimeout(fail, CONNECT_TIMEOUT_MS);
    socket.once('error', reject);
    socket.once('data', (frame) => {
      clearTimeout(timer);
      if (frame[0] === CONNACK && frame[3] === 0) resolve();
      else reject(new Error(`${clientId}: the broker refused with code ${frame[3] ?? '?'}`));
    });
  });
  socket.removeAllListeners('error');
  // A lost connection is told by its close.
  socket.on('error', () => undefined);
}

/** All that a broker sends to a publisher of QoS 1 is frames of four bytes: a type, the length 2, and a packet id. */
function readFrames(socket: Socket, onFrame: (type: number, packetId: number) => void): void {
  let rest = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let place = 0;
    for (; place + 4 <= bytes.length; place += 4) onFrame(bytes[place] ?? 0, bytes.readUInt16BE(place + 2));
    rest = bytes.subarray(place);
  });
}

function toField(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 0xff), bytes]);
}

function toPacket(type: number, body: Buffer): Buffer {
  const length: number[] = [];
  let rest = body.length;
  do {
    length.push((rest % 128) + (rest >= 128 ? 0x80 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.concat([Buffer.from([type, ...length]), body]);
}
