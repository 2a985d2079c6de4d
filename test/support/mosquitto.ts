import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram, serverUser } from './child-process.js';
import { findProgram } from './find-program.js';
import { findFreePort } from './free-port.js';
import { waitFor } from './wait-for.js';

/** An MQTT broker of the tests' own. */
export interface Mosquitto {
  /** Such as `mqtt://127.0.0.1:1883`; `mqtts://…` over TLS. */
  readonly url: string;
  close(): Promise<void>;
}

export interface MosquittoOptions {
  /** Has it speak TLS alone. */
  readonly tls?: MosquittoTls;
}

/** How a broker speaks TLS, by paths of PEM files that everybody may read. */
export interface MosquittoTls {
  readonly certificate: string;
  readonly key: string;
  /** Of the authority that signed its clients' certificates; where it is given, nobody is let in without one. */
  readonly clientAuthority?: string;
}

/** Starts a throw-away broker that keeps nothing and bounds no queue; it lets anybody in, if not for {@link MosquittoTls}. */
export async function startMosquitto({ tls }: MosquittoOptions = {}): Promise<Mosquitto> {
  const path = findProgram('mosquitto');
  if (path === undefined) throw new Error('expected the program mosquitto: apt-get install mosquitto');
  const user = serverUser();
  const folder = await mkdtemp(join(tmpdir(), 'aegis-mosquitto-'));
  if (user.uid !== undefined && user.gid !== undefined) await chown(folder, user.uid, user.gid);
  const port = await findFreePort();
  const configuration = join(folder, 'mosquitto.conf');
  const lines = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'max_inflight_messages 0',
    'max_queued_messages 0',
    'persistence false',
    'set_tcp_nodelay true',
    ...(tls ? [`certfile ${tls.certificate}`, `keyfile ${tls.key}`] : []),
    ...(tls?.clientAuthority === undefined
      ? []
      : [`cafile ${tls.clientAuthority}`, 'require_certificate true']),
  ];
  await writeFile(configuration, `${lines.join('\n')}\n`);
  const program = runProgram(path, ['-c', configuration], { ...user, cwd: folder });

  async function close(): Promise<void> {
    await program.stop();
    await rm(folder, { recursive: true, force: true });
  }

  try {
    await waitFor('Mosquitto takes connections', () => program.hasEnded() || takesConnections(port));
    if (program.hasEnded()) throw new Error(program.output());
  } catch (error) {
    await close();
    throw new Error(`Mosquitto did not start: ${program.output()}`, { cause: error });
  }
  return { url: `${tls ? 'mqtts' : 'mqtt'}://127.0.0.1:${port}`, close };
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
