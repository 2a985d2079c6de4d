import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { startOneProcess, type AegisSystem } from '../support/aegis-system.js';
import { openCuttingProxy, type CuttingProxy } from '../support/cutting-proxy.js';
import { describeWith } from '../support/describe-with.js';
import { findProgram } from '../support/find-program.js';
import { createGraphClient } from '../support/graph-client.js';
import { waitForProbe } from '../support/probe-ready.js';
import { waitFor } from '../support/wait-for.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const DESKTOP = { viewport: { width: 1_440, height: 1_000 } };
const WALL = { viewport: { width: 3_840, height: 2_160 } };
const DEADLINE = { timeout: 20_000 };

/** What went wrong in a page, and whom it asked. */
interface PageRecord {
  readonly errors: string[];
  readonly hosts: Set<string>;
  /** The subscriptions that were begun, in their order. */
  readonly subscriptions: { readonly query: string; readonly after: string | undefined }[];
}

/** A message that a page sent over its socket, when it begins a subscription. */
function readSubscription(payload: string | Buffer) {
  const message = JSON.parse(payload.toString()) as {
    readonly type: string;
    readonly payload?: { readonly query: string; readonly variables?: { readonly after?: string } };
  };
  const { query = '', variables } = message.payload ?? {};
  return message.type === 'subscribe' ? [{ query, after: variables?.after }] : [];
}

describeWith({ programs: ['chromium'] }, 'The dashboard', () => {
  let system: AegisSystem | undefined;
  let proxy: CuttingProxy | undefined;
  let browser: Browser | undefined;
  const graph = () => createGraphClient(system ?? { url: '', apiKey: undefined });

  beforeAll(async () => {
    system = await startOneProcess({ probe: true });
    proxy = await openCuttingProxy(system.url);
    await waitForProbe(system);
    await graph().query(CREATE_RULE, {
      input: {
        name: 'always',
        severity: 'MAJOR',
        target: { devices: ['host'] },
        condition: { threshold: { metric: 'memory.used', above: 0 } },
      },
    });
    browser = await chromium.launch({
      executablePath: findProgram('chromium') ?? '',
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
    });
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await proxy?.close();
    await system?.close();
  }, 30_000);

  async function open(options: BrowserContextOptions): Promise<{ page: Page; record: PageRecord }> {
    const context = await browser?.newContext(options);
    if (!context) throw new Error('the browser was not started');
    const page = await context.newPage();
    const record: PageRecord = { errors: [], hosts: new Set(), subscriptions: [] };
    page.on('pageerror', (error) => record.errors.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') record.errors.push(message.text());
    });
    context.on('request', (request) => record.hosts.add(new URL(request.url()).host));
    page.on('websocket', (socket) => {
      record.hosts.add(new URL(socket.url()).host);
      socket.on('framesent', ({ payload }) => record.subscriptions.push(...readSubscription(payload)));
    });
    await page.goto(new URL('dashboard', proxy?.url).href);
    await page.getByRole('status').getByText('connected', { exact: true }).waitFor(DEADLINE);
    return { page, record };
  }

  async function addDevice(name: string): Promise<void> {
    await graph().query(REGISTER, { input: { name, metrics: [{ name: 'x', unit: '1' }] } });
  }

  async function saveScreenshot(page: Page, name: string): Promise<void> {
    const path = join(tmpdir(), `aegis-dashboard-${name}.png`);
    await page.screenshot({ path, fullPage: true });
    process.stderr.write(`Screenshot: ${path}\n`);
  }

  /** The rules of axe that the page breaks, each with the places. */
  async function checkAccessibility(page: Page): Promise<unknown[]> {
    await page.evaluate(AXE);
    return page.evaluate(`axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
      violations.map(({ id, help, nodes }) => ({ id, help, where: nodes.map(({ target }) => target.join(' ')) })))`);
  }

  it('shows the 13 nodes with their live signals, and the numbers of the network', async () => {
    const { page, record } = await open(DESKTOP);
    const rows = page.getByRole('region', { name: 'Table of nodes' }).locator('tbody tr');
    await waitFor('all nodes are live', async () => (await rows.filter({ hasText: 'live' }).count()) === 13, {
      deadlineMs: 60_000,
    });
    await page.getByRole('button', { name: /^Coherence: *R *0[.,]\d+/ }).waitFor(DEADLINE);
    await page.getByRole('button', { name: 'What is Coherence?' }).click();
    await page.getByText('Whether the nodes swing in step').waitFor(DEADLINE);
    await page.keyboard.press('Escape');
    await saveScreenshot(page, 'desktop');
    expect([...record.hosts]).toEqual([new URL(page.url()).host]);
    expect(record.errors).toEqual([]);
    await page.context().close();
  }, 120_000);

  it('plots a device’s readings, which move on as they come', async () => {
    const { page, record } = await open(DESKTOP);
    const devices = page.getByRole('region', { name: 'Devices' });
    await devices.getByRole('button', { name: 'host' }).click();
    await devices.getByLabel('Metric').selectOption('cpu.user');
    const summary = devices.locator('figcaption', { hasText: 'cpu.user of host' });
    await summary.waitFor({ state: 'attached', ...DEADLINE });
    const before = await summary.textContent();
    await waitFor('another reading is plotted', async () => (await summary.textContent()) !== before);
    expect(record.errors).toEqual([]);
    await page.context().close();
  }, 60_000);

  it('lets an alarm be acknowledged, by keyboard', async () => {
    const { page } = await open(DESKTOP);
    const alarms = page.getByRole('region', { name: 'Alarms' });
    const acknowledge = alarms.getByRole('button', { name: /^Acknowledge:/ });
    await acknowledge.first().waitFor(DEADLINE);
    await saveScreenshot(page, 'alarm');
    await acknowledge.first().focus();
    await page.keyboard.press('Enter');
    await alarms.getByText('acknowledged by').waitFor(DEADLINE);
    // The button is gone: whoever works by keyboard is still in the list.
    await page.locator('li:focus').getByText('acknowledged by').waitFor(DEADLINE);
    const { alarms: stored } = await graph().query<{ alarms: { edges: unknown[] } }>(
      '{ alarms(first: 5, filter: { states: [ACKNOWLEDGED] }) { edges { node { id } } } }',
    );
    expect(stored.edges).toHaveLength(1);
    await page.context().close();
  }, 60_000);

  it('leads by its menu to headings that its head does not cover, on a phone', async () => {
    const { page } = await open(PHONE);
    await page.getByRole('region', { name: 'Table of nodes' }).waitFor(DEADLINE);
    const menu = page.getByRole('navigation', { name: 'Parts of this page' });
    for (const id of ['alarms', 'events', 'devices', 'network']) {
      await menu.getByRole('link', { name: id }).click();
      await waitFor(`the heading of ${id} is in view`, () =>
        page.evaluate<boolean>(`(() => {
          const { top, bottom } = document.querySelector('#${id} h2').getBoundingClientRect();
          return top >= document.querySelector('.head').getBoundingClientRect().bottom && bottom <= innerHeight;
        })()`),
      );
    }
    await page.context().close();
  }, 60_000);

  it('keeps a help text at its button, and within the screen of a phone', async () => {
    const { page } = await open(PHONE);
    const button = page.getByRole('button', { name: 'What is Level?' });
    await button.click();
    const help = page.getByRole('note').filter({ hasText: 'One number made of the four others' });
    await help.waitFor(DEADLINE);
    const [at, text] = [await button.boundingBox(), await help.boundingBox()];
    if (!at || !text) throw new Error('the button or its text is not drawn');
    const distance = Math.max(text.y - (at.y + at.height), at.y - (text.y + text.height));
    expect(distance).toBeGreaterThanOrEqual(0);
    expect(distance).toBeLessThan(12);
    expect(text.x).toBeGreaterThanOrEqual(0);
    expect(text.x + text.width).toBeLessThanOrEqual(PHONE.viewport.width);
    await page.context().close();
  }, 60_000);

  it('says that it is cut off, and comes back with everything that happened meanwhile', async () => {
    const { page, record } = await open(DESKTOP);
    const feed = page.getByRole('region', { name: 'Events' });
    await feed.getByRole('listitem').first().waitFor(DEADLINE);
    // One event has come by each stream, so that there is a place to go on from.
    const network = page.getByRole('region', { name: 'Network', exact: true });
    await network.locator('.badge').getByText('live', { exact: true }).waitFor(DEADLINE);
    await network.locator('tbody tr').filter({ hasText: 'live' }).first().waitFor(DEADLINE);
    await addDevice('seen');
    await feed.getByText('seen').first().waitFor(DEADLINE);
    if (!proxy) throw new Error('the proxy was not opened');
    proxy.blocked = true;
    proxy.cut();
    await page.getByRole('alert').getByText('No connection since').waitFor(DEADLINE);
    await saveScreenshot(page, 'disconnected');
    // More than a page of the list: what is missed can only come by the stream.
    const names = Array.from({ length: 35 }, (_, number) => `missed-${number}-`);
    for (const name of names) await addDevice(name);
    const before = record.subscriptions.length;
    proxy.blocked = false;
    await page.getByRole('status').getByText('connected', { exact: true }).waitFor({ timeout: 40_000 });
    expect(await page.getByText('No connection since').count()).toBe(0);
    for (const name of names)
      await feed
        .getByText(name)
        .first()
        .waitFor({ state: 'attached', ...DEADLINE });
    for (const name of names) expect(await feed.getByText(name).count()).toBe(1);
    const resumed = record.subscriptions.slice(before);
    for (const field of ['eventFeed', 'networkState', 'nodeMetrics']) {
      expect(resumed.find(({ query }) => query.includes(`${field}(`))?.after).toEqual(expect.any(String));
    }
    await page.context().close();
  }, 120_000);

  it.each([
    ['on a phone', PHONE, 'light'],
    ['on a phone in the dark', PHONE, 'dark'],
    ['on a desktop', DESKTOP, 'light'],
    ['on a desktop in the dark', DESKTOP, 'dark'],
    ['on a wall', WALL, 'dark'],
  ] as const)(
    'is accessible %s, and no wider than the screen',
    async (name, device, colorScheme) => {
      const { page } = await open({ ...device, colorScheme });
      await page.getByRole('region', { name: 'Table of nodes' }).waitFor(DEADLINE);
      await page.getByRole('list', { name: 'Numbers of the process' }).waitFor(DEADLINE);
      expect(await checkAccessibility(page)).toEqual([]);
      const excess = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
      expect(excess).toBeLessThanOrEqual(0);
      await saveScreenshot(page, name.replaceAll(' ', '-'));
      await page.context().close();
    },
    60_000,
  );
});

const CREATE_RULE = `mutation ($input: CreateAlarmRuleInput!) {
  createAlarmRule(input: $input) { alarmRule { id } userErrors { message } }
}`;
const REGISTER = `mutation ($input: RegisterDeviceInput!) {
  registerDevice(input: $input) { device { id } userErrors { message } }
}`;
