import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv4, isIPv6 } from 'node:net';
import { generate, parse, type ParsedPacket } from 'coap-packet';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { Logger } from '../../../../kernel/telemetry/logger.js';
import { keyOfRemote, type CoapMessage, type Remote } from './coap-message.js';
import { createConfirmations, type Confirmations } from './confirmations.js';
import { COAP_TIMING, type CoapTiming } from './coap-timing.js';
import { createExchanges, type Exchange } from './exchanges.js';

export interface MessageLayerOptions {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly logger: Logger;
  /** The most requests that are worked on at once; others are left unanswered, and so repeated by their senders. */
  readonly maxRequests?: number;
  readonly timing?: CoapTiming;
  /** Answers a request; without it there are no resources here. An error of it is a defect and answered 5.00. */
  readonly onRequest?: (message: CoapMessage, remote: Remote) => Promise<AnsweredMessage>;
  /** Takes an answer, which is acknowledged then; false when nobody waits for it, which its sender is told. */
  readonly onAnswer?: (message: CoapMessage, remote: Remote) => boolean | Promise<boolean>;
}

/** An answer, and what is to be done when it has been sent. */
export interface AnsweredMessage extends CoapMessage {
  readonly afterwards?: (() => void) | undefined;
}

/**
 * Messages over UDP: confirmed, repeated until they are, and taken once however often they come.
 *
 * The npm library `coap` has a server of its own; it takes a request that is repeated within 50 ms twice, gathers blocks
 * without a bound, and does not tell when a notification was acknowledged. So only its codec is used. Source: RFC 7252, §4.
 */
export interface MessageLayer {
  /** Undefined while it does not listen. */
  address(): Remote | undefined;
  /** Errors: CONFLICT when another program has the port. */
  listen(): Promise<void>;
  /** Sends until it is acknowledged. Errors: UNAVAILABLE when it is refused (RST) or never acknowledged, CANCELLED. */
  confirm(message: CoapMessage, remote: Remote, signal?: AbortSignal): Promise<void>;
  /** Whether the other end is there: an empty message, which it refuses. Errors: UNAVAILABLE. */
  ping(remote: Remote): Promise<void>;
  /** Sends once; nobody tells whether it arrives. */
  tell(message: CoapMessage, remote: Remote): void;
  /** Requests that come from now on stay unanswered, so that their senders repeat them to whoever listens here next. */
  stopAccepting(): void;
  /** Waits for the answers to what was taken, then closes. */
  close(): Promise<void>;
}

const MAX_REQUESTS = 10_000;
const RECEIVE_BUFFER_BYTES = 4_194_304;
const EMPTY = Buffer.alloc(0);
const MAPPED = '::ffff:';

/** Makes the layer on a socket of its own. */
export function createMessageLayer(options: MessageLayerOptions): MessageLayer {
  const { host, port, logger, timing = COAP_TIMING } = options;
  const isSix = isIPv6(host);
  const socket = createSocket({
    type: isSix ? 'udp6' : 'udp4',
    recvBufferSize: RECEIVE_BUFFER_BYTES,
  });
  let listening = false;
  let closed = false;

  function send(datagram: Buffer, { address, port: to }: Remote): void {
    if (closed) return;
    // A socket of IPv6 reaches IPv4 by mapped addresses (RFC 4291, §2.5.5.2).
    const reached = isSix && isIPv4(address) ? `${MAPPED}${address}` : address;
    socket.send(datagram, to, reached, (error) => {
      // Lost on the way, as any datagram may be: whoever waits for it repeats it.
      if (error) logger.debug({ err: error, to: address }, 'a CoAP message could not be sent');
    });
  }
  const confirmations = createConfirmations({ send, timing });
  const takeAnswer = createAnswerDoor({ ...options, timing }, send);
  const requests = createRequestDoor({ ...options, timing }, { send, confirmations });

  socket.on('message', (datagram, info) => {
    receive(datagram, info, { send, confirmations, requests, takeAnswer });
  });

  return {
    address: () => (listening ? toRemote(socket.address()) : undefined),
    async listen() {
      await bind(socket, host, port);
      listening = true;
      socket.on('error', (error) => {
        logger.error({ err: error }, 'the CoAP socket had an error');
      });
    },
    confirm: (message, remote, signal) =>
      confirmations.confirm({ ...toPacket(message), confirmable: true }, remote, signal),
    ping: (remote) => confirmations.ping(remote),
    tell(message, remote) {
      send(generate({ ...toPacket(message), messageId: confirmations.nextId(remote) }), remote);
    },
    stopAccepting: requests.stop,
    async close() {
      requests.stop();
      await requests.drained();
      confirmations.close();
      closed = true;
      if (!listening) return;
      listening = false;
      await new Promise<void>((resolve) => {
        socket.close(resolve);
      });
    },
  };
}

interface RequestDoor {
  take(packet: ParsedPacket, remote: Remote): void;
  stop(): void;
  drained(): Promise<void>;
}

interface Sending {
  readonly send: (datagram: Buffer, remote: Remote) => void;
  readonly confirmations: Confirmations;
}

/** Takes each request once and answers it: with its acknowledgement when that is soon, in a message of its own when not. */
function createRequestDoor(
  options: MessageLayerOptions & { readonly timing: CoapTiming },
  { send, confirmations }: Sending,
): RequestDoor {
  const { onRequest = refuseRequest, logger, timing, maxRequests = MAX_REQUESTS } = options;
  const exchanges = createExchanges({ lifetimeMs: timing.exchangeLifetimeMs });
  const working = new Set<Promise<void>>();
  let stopped = false;

  async function answer(packet: ParsedPacket, remote: Remote, exchange: Exchange): Promise<void> {
    const { messageId, token, confirmable } = packet;
    const acknowledge = () => {
      exchange.answer = generate({ code: '0.00', ack: true, messageId });
      send(exchange.answer, remote);
    };
    const timer = confirmable ? setTimeout(acknowledge, timing.separateAfterMs) : undefined;
    const answered: AnsweredMessage = await onRequest(toMessage(packet), remote).catch((error: unknown) => {
      logger.error({ err: error }, 'a CoAP request failed in a way that was not foreseen');
      return { code: '5.00', token, options: [], payload: EMPTY };
    });
    clearTimeout(timer);
    if (exchange.answer) {
      // Whether it arrives is for its sender to see to: it asks again when it does not.
      await confirmations
        .confirm({ ...toPacket(answered), confirmable: true }, remote)
        .catch(() => undefined);
    } else {
      const id = confirmable ? messageId : confirmations.nextId(remote);
      exchange.answer = generate({ ...toPacket(answered), ack: confirmable, messageId: id });
      send(exchange.answer, remote);
    }
    answered.afterwards?.();
  }

  return {
    take(packet, remote) {
      const key = `${keyOfRemote(remote)}/${packet.messageId}`;
      const known = exchanges.find(key);
      // RFC 7252, §4.5: the same answer to a repeated message; none yet while the first is still being worked on.
      if (known?.answer) send(known.answer, remote);
      if (known || stopped || working.size >= maxRequests) return;
      const work = answer(packet, remote, exchanges.open(key)).finally(() => working.delete(work));
      working.add(work);
    },
    stop() {
      stopped = true;
    },
    async drained() {
      await Promise.all(working);
    },
  };
}

function refuseRequest({ token }: CoapMessage): Promise<AnsweredMessage> {
  return Promise.resolve({ code: '4.04', token, options: [], payload: EMPTY });
}

interface ReceiveDeps extends Sending {
  readonly requests: RequestDoor;
  readonly takeAnswer: (packet: ParsedPacket, remote: Remote) => void;
}

function receive(datagram: Buffer, info: RemoteInfo, deps: ReceiveDeps): void {
  const { send, confirmations, requests, takeAnswer } = deps;
  const remote = toRemote(info);
  const packet = tryParse(datagram);
  if (!packet) {
    // RFC 7252, §4.2: a confirmable message that cannot be read is rejected; anything else is ignored.
    if (isConfirmable(datagram)) send(reset(datagram.readUInt16BE(2)), remote);
    return;
  }
  const { code, messageId, confirmable, ack } = packet;
  if (ack || packet.reset) confirmations.settle(remote, messageId, ack ? 'acknowledged' : 'refused');
  if (packet.reset) return;
  if (isRequest(code) && !ack) requests.take(packet, remote);
  else if (isAnswer(code)) takeAnswer(packet, remote);
  // An empty message is a ping, answered like that; what has a class of its own is not known here.
  else if (confirmable) send(reset(messageId), remote);
}

/** Makes what takes answers: those that are to be acknowledged once, however often they come (RFC 7252, §4.5). */
function createAnswerDoor(
  { onAnswer, logger, timing }: MessageLayerOptions & { readonly timing: CoapTiming },
  send: Sending['send'],
): (packet: ParsedPacket, remote: Remote) => void {
  const exchanges = createExchanges({ lifetimeMs: timing.exchangeLifetimeMs });

  async function take(packet: ParsedPacket, remote: Remote): Promise<Buffer | undefined> {
    const { messageId, confirmable, ack } = packet;
    const isWanted = (await onAnswer?.(toMessage(packet), remote)) ?? false;
    if (!isWanted && !ack) return reset(messageId);
    return confirmable ? generate({ code: '0.00', ack: true, messageId }) : undefined;
  }

  return (packet, remote) => {
    const key = `${keyOfRemote(remote)}/${packet.messageId}`;
    const known = packet.confirmable ? exchanges.find(key) : undefined;
    if (known?.answer) send(known.answer, remote);
    if (known) return;
    const exchange = packet.confirmable ? exchanges.open(key) : { answer: undefined };
    take(packet, remote).then(
      (answer) => {
        exchange.answer = answer;
        if (answer) send(answer, remote);
      },
      (error: unknown) => {
        // Unacknowledged, it is sent again.
        if (packet.confirmable) exchanges.forget(key);
        logger.debug({ err: error, from: remote.address }, 'a CoAP answer could not be taken');
      },
    );
  };
}

function isRequest(code: string): boolean {
  return code.startsWith('0.') && code !== '0.00';
}

function isAnswer(code: string): boolean {
  return /^[245]/.test(code);
}

function tryParse(datagram: Buffer): ParsedPacket | undefined {
  try {
    const packet = parse(datagram);
    return packet.token.length <= 8 ? packet : undefined;
  } catch {
    return undefined;
  }
}

/** Version 1, confirmable, with a header that is there. */
function isConfirmable(datagram: Buffer): boolean {
  return datagram.length >= 4 && ((datagram[0] ?? 0) & 0xf0) === 0x40;
}

function reset(messageId: number): Buffer {
  return generate({ code: '0.00', reset: true, messageId });
}

/** The option names of the codec are text, or numbers for those that it does not know. */
function toMessage({ code, token, options, payload }: ParsedPacket): CoapMessage {
  return { code, token, payload, options: options.map(({ name, value }) => ({ name: String(name), value })) };
}

function toPacket({ code, token, options, payload }: CoapMessage) {
  return { code, token, options: [...options], payload };
}

function toRemote({ address, port }: { readonly address: string; readonly port: number }): Remote {
  const mapped = address.startsWith(MAPPED) ? address.slice(MAPPED.length) : address;
  return { address: isIPv4(mapped) ? mapped : address, port };
}

function bind(socket: Socket, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? portInUse(host, port) : error);
    };
    socket.once('error', fail);
    socket.bind(port, host, () => {
      socket.off('error', fail);
      resolve();
    });
  });
}

function portInUse(host: string, port: number): AegisError {
  return new AegisError(
    'CONFLICT',
    `The CoAP server cannot listen on ${host}:${port}: another program does. ` +
      'Stop that program, or choose another port with --coap-port or AEGIS_COAP_PORT; 0 takes any free one.',
  );
}
