import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../child-process.js';
import { findProgram } from '../find-program.js';
import { waitFor } from '../wait-for.js';

/** A D-Bus of the tests' own, where everybody may do everything. */
export interface PrivateBus {
  readonly address: string;
  close(): Promise<void>;
}

/** Starts one. */
export async function startPrivateBus(): Promise<PrivateBus> {
  const path = findProgram('dbus-daemon');
  if (path === undefined) throw new Error('expected the program dbus-daemon: apt-get install dbus');
  const folder = await mkdtemp(join(tmpdir(), 'aegis-dbus-'));
  const socket = join(folder, 'bus');
  const configuration = join(folder, 'bus.conf');
  await writeFile(
    configuration,
    `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=${socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
    <allow user="*"/>
  </policy>
</busconfig>
`,
  );
  const program = runProgram(path, [`--config-file=${configuration}`, '--nofork', '--nopidfile']);
  // The socket is there a moment before somebody listens.
  await waitFor(`the bus is there, after ${program.output()}`, () => isListening(socket));
  return {
    address: `unix:path=${socket}`,
    async close() {
      await program.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function isListening(path: string): Promise<boolean> {
  const probe = connect(path);
  try {
    await once(probe, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    probe.destroy();
  }
}
