import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  createNotificationListener,
  type NotificationListener,
} from '../../../kernel/database/notification-listener.js';
import { createNotificationSender } from '../../../kernel/database/notification-sender.js';
import { describeWith } from '../../support/describe-with.js';
import { startPostgresServer, type PostgresServer } from '../../support/postgres-server.js';
import { waitFor } from '../../support/wait-for.js';

const run = promisify(execFile);

describeWith({ programs: ['postgres'] }, 'the notification listener', () => {
  let server: PostgresServer | undefined;
  const heard: string[] = [];

  beforeAll(async () => {
    server = await startPostgresServer();
  }, 90_000);
  afterAll(async () => {
    await server?.close();
  });

  function open(): NotificationListener {
    return createNotificationListener({
      url: server?.url ?? '',
      onNotification: (channel, payload) => heard.push(`${channel}:${payload}`),
      onReconnect: () => undefined,
      onError: () => undefined,
    });
  }

  // In a process of its own: the driver warns of a statement that is given while another one runs, once a process.
  it('begins and ends with many channels at once, and gives the driver one statement after the other', async () => {
    const source = join(import.meta.dirname, '../../../kernel/database/notification-listener.ts');
    const program = `
      import { createNotificationListener } from ${JSON.stringify(source)};
      const ignore = () => undefined;
      const listener = createNotificationListener({
        url: process.env.URL, onNotification: ignore, onReconnect: ignore, onError: ignore,
      });
      const channels = ['a', 'b', 'c', 'd', 'e'];
      await Promise.all(channels.map((channel) => listener.listen(channel)));
      for (const channel of channels) listener.unlisten(channel);
      await listener.close();
      process.stdout.write('closed');
    `;
    const output = await run(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '--eval', program],
      {
        timeout: 30_000,
        env: { ...process.env, NODE_OPTIONS: '', URL: server?.url },
      },
    );
    expect(output).toEqual({ stdout: 'closed', stderr: '' });
  }, 40_000);

  it('hears no more of a channel that is left, and goes on with the others', async () => {
    const listener = open();
    await Promise.all(['left', 'kept'].map((channel) => listener.listen(channel)));
    listener.unlisten('left');
    await listener.listen('other');
    heard.length = 0;
    const sender = createNotificationSender(server?.url ?? '');
    await sender.send(['left', 'kept', 'other'].map((channel) => ({ channel, payload: '2' })));
    await waitFor('the last is heard', () => heard.includes('other:2'));
    expect(heard).toEqual(['kept:2', 'other:2']);
    await listener.close();
    await sender.close();
  });
});
