import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { createRejectionLog, type RejectionLog } from '../../../../kernel/messaging/rejection.js';
import type { Receipt } from '../../readings/ingestion.js';
import type { ProtocolDeps } from '../protocol.js';
import type { AdmittedDevice, CoapAccess, NamedDevice } from './coap-access.js';
import { findMediaType, isKnownFormat, KNOWN_FORMATS, LINK_FORMAT } from './coap-format.js';
import type { CoapObservers } from './coap-observers.js';
import { diagnose } from './coap-reply.js';
import { describePath, requirePayload, type CoapReply, type CoapRequest } from './coap-request.js';
import { checkAccept, DOWNLINK_RESOURCES, type DownlinkResource } from './downlink-reply.js';
import { provision } from './provision.js';

/** A request, and the resource that it is for as the client asks for it. */
export interface RoutedRequest extends CoapRequest {
  readonly resource: string;
}

/** What serves a request. */
export interface CoapRoute {
  /** Errors: those that refuse it before its body is read. */
  check(request: RoutedRequest): Promise<void>;
  answer(request: RoutedRequest): Promise<CoapReply>;
}

/** Finds what serves a request. */
export interface CoapRoutes {
  /** Undefined when there is no such resource, `no-method` when it has not that method. */
  find(request: CoapRequest): CoapRoute | 'no-method' | undefined;
}

export interface CoapRoutesDeps extends ProtocolDeps {
  readonly access: CoapAccess;
  readonly observers: CoapObservers;
}

interface Found {
  readonly named: NamedDevice | undefined;
  readonly resource: string;
  readonly commandId: string | undefined;
}

type Handler = (request: RoutedRequest, device: AdmittedDevice, found: Found) => Promise<CoapReply>;

/** Source: RFC 6690. What a key of the workspace may use of a device is under /<workspace>/<device>. */
const CORE_LINKS = [
  '</telemetry>;rt="aegis.telemetry";ct="0 42 50 60 110 112"',
  '</reported>;rt="aegis.reported";ct="50 60"',
  '</events>;rt="aegis.event";ct="50 60"',
  '</commands>;rt="aegis.command";ct="50 60";obs',
  '</desired>;rt="aegis.desired";ct="50 60";obs',
  '</reads>;rt="aegis.read";ct="50 60";obs',
  '</provision>;rt="aegis.provision";ct="0 50 60"',
].join(',');

const CHANGED: CoapReply = { code: '2.04' };

/** Makes the table of resources. */
export function createCoapRoutes(deps: CoapRoutesDeps): CoapRoutes {
  const { access, uplink, observers } = deps;
  const logRejection = createRejectionLog(deps.logger);
  const uploads = createUploads(deps, logRejection);

  async function observe(request: RoutedRequest, device: AdmittedDevice, resource: DownlinkResource) {
    checkAccept(request.accept);
    const { remote, token, accept } = request;
    if (request.observe === 1) {
      observers.cancel(remote, device, resource);
      return { code: '2.05', maxAge: 0 };
    }
    if (request.observe !== 0) {
      throw new AegisError('BAD_USER_INPUT', `CoAP: expected Observe 0 with a GET of ${resource}, got none.`);
    }
    return observers.observe({ device, resource, remote, token, accept, path: request.resource });
  }

  function ofDevice(found: Found, handler: Handler): CoapRoute {
    return {
      check: async (request) => {
        await access.admitTo(request, found.named);
      },
      async answer(request) {
        const device = await access.admitTo(request, found.named);
        return handler(request, device, found);
      },
    };
  }

  const core: CoapRoute = {
    check: () => Promise.resolve(),
    answer: () =>
      Promise.resolve({ code: '2.05', contentFormat: LINK_FORMAT, payload: Buffer.from(CORE_LINKS) }),
  };
  const provisioning: CoapRoute = {
    check: () => Promise.resolve(),
    answer: (request) => provision(request, uplink),
  };

  return {
    find(request) {
      const path = request.path.join('/');
      const isGet = request.method === 'GET';
      if (path === '.well-known/core') return isGet ? core : 'no-method';
      if (path === 'provision') return request.method === 'POST' ? provisioning : 'no-method';
      const found = findResource(request.path);
      if (!found) return undefined;
      if (found.commandId === undefined && isDownlink(found.resource)) {
        const { resource } = found;
        return isGet ? ofDevice(found, (asked, device) => observe(asked, device, resource)) : 'no-method';
      }
      const upload = uploads[found.resource];
      if (!upload) return undefined;
      return isGet ? 'no-method' : ofDevice(found, upload);
    },
  };
}

function isDownlink(resource: string): resource is DownlinkResource {
  return Object.values<string>(DOWNLINK_RESOURCES).includes(resource);
}

/** `telemetry`, `commands/<id>`, or the same after a workspace and a device. */
function findResource(path: readonly string[]): Found | undefined {
  const isNamed = path.length >= 3;
  const [workspace = '', device = ''] = path;
  const [resource, commandId, ...more] = isNamed ? path.slice(2) : path;
  if (resource === undefined || more.length > 0) return undefined;
  if (commandId !== undefined && resource !== 'commands') return undefined;
  return { resource, commandId, named: isNamed ? { workspace, device } : undefined };
}

/** What devices send, by resource. */
function createUploads(
  { uplink, observers }: CoapRoutesDeps,
  logRejection: RejectionLog,
): Readonly<Record<string, Handler>> {
  /** What is refused for good is told to people too: the device may have none to read its answers. */
  async function upload(
    request: RoutedRequest,
    device: AdmittedDevice,
    send: (payload: Buffer) => Promise<unknown>,
  ): Promise<CoapReply> {
    const { contentFormat, remote, path } = request;
    if (contentFormat !== undefined && !isKnownFormat(contentFormat)) {
      return diagnose('4.15', `CoAP: expected Content-Format ${KNOWN_FORMATS}, got ${contentFormat}.`);
    }
    try {
      await send(requirePayload(request));
    } catch (error) {
      if (error instanceof AegisError) logRejection(`coap ${describePath(path)}`, error);
      throw error;
    } finally {
      observers.touch(remote, device);
    }
    return CHANGED;
  }

  const messageOf = ({ workspace, deviceId }: AdmittedDevice) => ({ workspace, device: deviceId });
  return {
    telemetry: (request, device) =>
      upload(request, device, (payload): Promise<Receipt> =>
        uplink.telemetry({
          ...messageOf(device),
          ...{ payload, whenFull: 'refuse', protocol: 'COAP', source: describePath(request.path) },
          contentType: findMediaType(request.contentFormat),
        }),
      ),
    reported: (request, device) =>
      upload(request, device, (payload) => uplink.report({ ...messageOf(device), payload })),
    events: (request, device) =>
      upload(request, device, (payload) => uplink.event({ ...messageOf(device), payload })),
    commands: (request, device, { commandId = '' }) =>
      upload(request, device, (payload) => uplink.answer({ ...messageOf(device), payload, commandId })),
  };
}
