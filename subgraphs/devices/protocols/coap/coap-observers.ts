import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { Logger } from '../../../../kernel/telemetry/logger.js';
import type {
  Delivery,
  DeviceSession,
  Downlink,
  OpenSession,
  ReadQuestion,
  Sessions,
} from '../../sessions/session.js';
import { openBlockFetch } from './block-fetch.js';
import type { BlockServer } from './block-server.js';
import type { AdmittedDevice } from './coap-access.js';
import { keyOfRemote, MAX_BLOCK_BYTES, type Remote } from './coap-message.js';
import { diagnose, toMessage } from './coap-reply.js';
import type { CoapReply } from './coap-request.js';
import { DOWNLINK_RESOURCES, toDownlinkReply, type DownlinkResource } from './downlink-reply.js';
import type { MessageLayer } from './message-layer.js';

/** An observation that a device asks for. */
export interface ObservationRequest {
  readonly device: AdmittedDevice;
  readonly resource: DownlinkResource;
  readonly remote: Remote;
  readonly token: Buffer;
  /** As the device asks for it, so that it gets the other blocks of a notification by the same path. */
  readonly path: string;
  readonly accept: number | undefined;
}

/** Who observes commands, desired values and questions, each end with a device as one session. */
export interface CoapObservers {
  /** Begins or renews an observation. Errors: UNAVAILABLE when there are too many. */
  observe(request: ObservationRequest): CoapReply;
  /** Ends one, as its device asks. */
  cancel(remote: Remote, device: AdmittedDevice, resource: DownlinkResource): void;
  /** Something else was heard from a device at this end. */
  touch(remote: Remote, device: AdmittedDevice): void;
  /** Tells all of them to begin again elsewhere. */
  close(): void;
}

export interface CoapObserversDeps {
  readonly layer: Pick<MessageLayer, 'confirm' | 'ping' | 'tell'>;
  readonly blocks: BlockServer;
  readonly sessions: Sessions;
  readonly logger: Logger;
  readonly maxObservers: number;
  /** How long a silent device is believed to be there, in milliseconds; then it is asked. */
  readonly probeMs?: number;
  readonly now?: () => number;
}

interface Observation extends ObservationRequest {
  number: number;
}

/** One end that observes for one device. */
interface Link {
  readonly device: AdmittedDevice;
  readonly remote: Remote;
  readonly observations: Map<DownlinkResource, Observation>;
  open: OpenSession | undefined;
  heardAt: number;
}

const PROBE_MS = 120_000;
/** Observe has 24 bits. Source: RFC 7641, §2. */
const NUMBERS = 2 ** 24;

/** Makes the table of observers. Source: RFC 7641. */
export function createCoapObservers(deps: CoapObserversDeps): CoapObservers {
  const { layer, blocks, sessions, logger, maxObservers, probeMs = PROBE_MS, now = Date.now } = deps;
  const links = new Map<string, Link>();
  const probing = probeSilent(links, { layer, probeMs, now, onGone: lose });

  function lose(link: Link): void {
    end(link, 'did not answer', 'lost');
  }

  function end(link: Link, reason: string, how: 'closed' | 'lost'): void {
    link.observations.clear();
    links.delete(keyOf(link.remote, link.device));
    link.open?.close(reason, how);
    link.open = undefined;
  }

  /** Ends an observation of which the device is told: an error is the last of its notifications (RFC 7641, §3.2). */
  function dismiss(link: Link, code: string, reason: string): void {
    for (const { token } of link.observations.values()) {
      layer.tell(toMessage(diagnose(code, reason), token), link.remote);
    }
    end(link, reason, 'closed');
  }

  function toSession(link: Link): DeviceSession {
    const { workspace, deviceId, credentialId } = link.device;
    const send = (downlink: Downlink | ReadQuestion, signal: AbortSignal) =>
      notify(link, downlink, { layer, blocks, now, signal, onGone: lose });
    return {
      ...{ workspace, deviceId, credentialId, protocol: 'COAP', send, ask: send },
      takes: (kind) => link.observations.has(DOWNLINK_RESOURCES[kind]),
      end(reason) {
        dismiss(link, '4.01', reason);
      },
    };
  }

  /** Opens the session of a link, or a new one in its place: whoever waits for sessions sends what waits for the device. */
  function reopen(link: Link): void {
    if (link.observations.size === 0) return;
    const before = link.open;
    link.open = sessions.open(toSession(link));
    before?.close('renewed', 'closed');
  }

  return {
    observe(request) {
      const { remote, device, resource } = request;
      const key = keyOf(remote, device);
      if (!links.has(key) && links.size >= maxObservers) {
        throw new AegisError('UNAVAILABLE', `CoAP: ${maxObservers} devices observe already.`, {
          retryAfterMs: 60_000,
        });
      }
      const link = links.get(key) ?? newLink(device, remote);
      links.set(key, link);
      link.heardAt = now();
      const known = link.observations.get(resource);
      const isRenewed = known?.token.equals(request.token) === true;
      const { number = 0 } = known ?? {};
      link.observations.set(resource, { ...request, number });
      logger.debug({ device: device.deviceId, resource }, 'a device observes over CoAP');
      return {
        ...{ code: '2.05', observe: number },
        // Only then may notifications follow.
        afterwards: isRenewed ? () => link.open?.touch() : () => reopen(link),
      };
    },
    cancel(remote, device, resource) {
      const link = links.get(keyOf(remote, device));
      link?.observations.delete(resource);
      if (link?.observations.size === 0) end(link, 'observes no more', 'closed');
    },
    touch(remote, device) {
      const link = links.get(keyOf(remote, device));
      if (!link) {
        sessions.seen(device.workspace, device.deviceId, 'COAP');
        return;
      }
      link.heardAt = now();
      link.open?.touch();
    },
    close() {
      clearInterval(probing);
      for (const link of [...links.values()])
        dismiss(link, '5.03', 'the server stops; observe again in a moment');
    },
  };
}

function newLink(device: AdmittedDevice, remote: Remote): Link {
  return { device, remote, open: undefined, heardAt: 0, observations: new Map() };
}

function keyOf(remote: Remote, { workspace, deviceId }: AdmittedDevice): string {
  return `${keyOfRemote(remote)}/${workspace}/${deviceId}`;
}

interface NotifyDeps {
  readonly layer: Pick<MessageLayer, 'confirm'>;
  readonly blocks: BlockServer;
  readonly now: () => number;
  readonly signal: AbortSignal;
  readonly onGone: (link: Link) => void;
}

async function notify(
  link: Link,
  downlink: Downlink | ReadQuestion,
  { layer, blocks, now, signal, onGone }: NotifyDeps,
): Promise<Delivery> {
  const observation = link.observations.get(DOWNLINK_RESOURCES[downlink.kind]);
  if (!observation) {
    throw new AegisError(
      'UNAVAILABLE',
      `CoAP: the device does not observe what a ${downlink.kind} is sent by.`,
    );
  }
  observation.number = (observation.number + 1) % NUMBERS;
  const reply = { ...toDownlinkReply(downlink, observation.accept, now()), observe: observation.number };
  const { remote } = link;
  const { token, path } = observation;
  const fetched = openBlockFetch((reply.payload?.length ?? 0) > MAX_BLOCK_BYTES, signal);
  const message = blocks.cut(reply, { remote, token, resource: path, onFetched: fetched.done });
  try {
    await layer.confirm(message, remote, signal);
    await fetched.whole;
  } catch (error) {
    // RFC 7641, §4.5: an observer that refuses or does not answer is one no more.
    if (!signal.aborted) onGone(link);
    throw error;
  } finally {
    fetched.close();
  }
  link.heardAt = now();
  link.open?.touch();
  return 'DELIVERED';
}

interface ProbeDeps {
  readonly layer: Pick<MessageLayer, 'ping'>;
  readonly probeMs: number;
  readonly now: () => number;
  readonly onGone: (link: Link) => void;
}

/** Asks those that have been silent for long whether they are still there. */
function probeSilent(
  links: ReadonlyMap<string, Link>,
  { layer, probeMs, now, onGone }: ProbeDeps,
): NodeJS.Timeout {
  const timer = setInterval(() => {
    for (const link of links.values()) {
      if (now() - link.heardAt < probeMs) continue;
      link.heardAt = now();
      layer.ping(link.remote).then(
        () => link.open?.touch(),
        () => {
          onGone(link);
        },
      );
    }
  }, probeMs / 2);
  return timer.unref();
}
