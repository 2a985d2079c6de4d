import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { generate, parse, type Packet, type ParsedPacket } from 'coap-packet';
import { waitFor } from '../wait-for.js';

/** A CoAP end that sends exactly what a test says, and acknowledges only what it is told to. */
export interface CoapDatagrams {
  /** All that came, oldest first. */
  readonly received: readonly ParsedPacket[];
  send(packet: Packet): void;
  sendBytes(bytes: Buffer): void;
  /** Waits for a message that has not been waited for yet. */
  next(what: string, matches?: (packet: ParsedPacket) => boolean): Promise<ParsedPacket>;
  /** Acknowledges or refuses a message. */
  settle(packet: ParsedPacket, how: 'ack' | 'reset'): void;
  close(): Promise<void>;
}

/** Opens one that talks with a server. */
export async function openCoapDatagrams(url: string): Promise<CoapDatagrams> {
  const { hostname, port } = new URL(url);
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const received: ParsedPacket[] = [];
  const taken = new Set<ParsedPacket>();
  socket.on('message', (datagram) => received.push(parse(datagram)));

  const sendBytes = (bytes: Buffer) => {
    socket.send(bytes, Number(port), hostname);
  };
  return {
    received,
    sendBytes,
    send(packet) {
      sendBytes(generate(packet));
    },
    next(what, matches = () => true) {
      return waitFor(what, () => {
        const found = received.find((packet) => !taken.has(packet) && matches(packet));
        if (found) taken.add(found);
        return found;
      });
    },
    settle({ messageId }, how) {
      sendBytes(generate({ code: '0.00', messageId, [how]: true }));
    },
    async close() {
      socket.close();
      await once(socket, 'close');
    },
  };
}
