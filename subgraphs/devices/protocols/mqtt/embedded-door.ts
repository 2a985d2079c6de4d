import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { AdmitDevice } from '../protocol.js';
import type { ClaimTopic } from './claim-topic.js';
import type { MqttPeer } from './mqtt-peer.js';
import type { MqttRights } from './mqtt-rights.js';

/** What a CONNECT brings. */
export interface MqttLogin {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

/** Who is let in by the embedded broker, and to what. */
export interface EmbeddedDoor {
  /** Errors: RATE_LIMITED, UNAVAILABLE. */
  admits(peer: MqttPeer, login: MqttLogin): Promise<boolean>;
  maySubscribe(peer: MqttPeer, filter: string): Promise<boolean>;
  /** Tells clients apart that came with other credentials. */
  fingerprintOfLogin(peer: MqttPeer, login: MqttLogin): string;
}

export interface EmbeddedDoorDeps {
  readonly admit: AdmitDevice;
  readonly rights: MqttRights;
  readonly claims: ClaimTopic;
  /** Whether only certificates count that our authority has signed. */
  readonly hasAuthority: boolean;
}

const FINGERPRINT_CHARACTERS = 16;

/** Makes the door. */
export function createEmbeddedDoor({ admit, rights, claims, hasAuthority }: EmbeddedDoorDeps): EmbeddedDoor {
  /** TLS has checked that the other side has its key: of an authority that is named, or of any. */
  function certificateOf(socket: Socket): string | undefined {
    if (!(socket instanceof TLSSocket) || (hasAuthority && !socket.authorized)) return undefined;
    const raw: unknown = socket.getPeerCertificate().raw;
    return raw instanceof Uint8Array ? createHash('sha256').update(raw).digest('hex') : undefined;
  }

  return {
    async admits(peer, login) {
      const { socket } = peer;
      const presented = { ...login, address: socket.remoteAddress };
      if (claims.isFor(login)) return claims.admits(peer, presented);
      const principal = await admit({ ...presented, certificateFingerprint: certificateOf(socket) });
      if (principal) peer.admitted(principal);
      return principal !== undefined;
    },
    async maySubscribe(peer, filter) {
      const principal = peer.principal();
      return principal ? rights.maySubscribe(principal, filter) : claims.maySubscribe(peer, filter);
    },
    fingerprintOfLogin({ socket }, { username, password }) {
      return createHash('sha256')
        .update(JSON.stringify([username, password, certificateOf(socket)]))
        .digest('hex')
        .slice(0, FINGERPRINT_CHARACTERS);
    },
  };
}
