import { describe, it } from '@jest/globals';
import { findProgram } from './find-program.js';

/** The Debian package of each program that a suite may need. */
const PACKAGES = {
  postgres: 'postgresql',
  mosquitto: 'mosquitto',
  mosquitto_pub: 'mosquitto-clients',
  mosquitto_sub: 'mosquitto-clients',
  openssl: 'openssl',
  chromium: 'chromium',
  'redis-server': 'redis-server',
  'coap-client-notls': 'libcoap3-bin',
  'coap-server-notls': 'libcoap3-bin',
  'dbus-daemon': 'dbus',
} as const;

export type Program = keyof typeof PACKAGES;

/**
 * A suite that needs programs of this machine. Where one is missing the suite is skipped with a line that says how to
 * install it; under `CI=true` a missing program is a failure, so that nothing is left out there unseen.
 */
export function describeWith(
  needs: { readonly programs: readonly Program[] },
  name: string,
  suite: () => void,
): void {
  const missing = needs.programs.filter((program) => findProgram(program) === undefined);
  if (missing.length === 0) {
    describe(name, suite);
    return;
  }
  const packages = missing.map((program) => PACKAGES[program]).join(' ');
  const hint = `${name} needs ${missing.join(' and ')}: apt-get install ${packages}`;
  if (process.env['CI'] === 'true') {
    it(name, () => {
      throw new Error(hint);
    });
    return;
  }
  process.stderr.write(`Skipped: ${hint}\n`);
  describe.skip(name, suite);
}
