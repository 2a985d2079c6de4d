import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { chromium, type Browser, type Locator, type Page } from 'playwright-core';
import { startOneProcess, type AegisSystem } from '../support/aegis-system.js';
import { describeWith } from '../support/describe-with.js';
import { findProgram } from '../support/find-program.js';
import { waitForProbe } from '../support/probe-ready.js';
import { waitFor } from '../support/wait-for.js';

const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

/** Gathers in the page what its Content Security Policy refuses, before any script of the page runs. */
const WATCH_POLICY = `
  window.refusedByPolicy = [];
  addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
    refusedByPolicy.push(violatedDirective + ': ' + blockedURI));
`;

/** What a page asked for, and what went wrong in it. */
interface PageRecord {
  /** The hosts of all requests and sockets, each once; `data:` and `blob:` URLs have none. */
  readonly hosts: Set<string>;
  readonly errors: string[];
}

function recordPage(page: Page): PageRecord {
  const record: PageRecord = { hosts: new Set(), errors: [] };
  const note = (url: string) => {
    const { host } = new URL(url);
    if (host !== '') record.hosts.add(host);
  };
  page.context().on('request', (request) => note(request.url()));
  page.on('websocket', (socket) => note(socket.url()));
  page.on('pageerror', (error) => record.errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') record.errors.push(message.text());
  });
  page.on('requestfailed', (request) => {
    record.errors.push(`${request.url()}: ${request.failure()?.errorText ?? 'failed'}`);
  });
  return record;
}

/** The text of the response pane; the editor writes blanks that do not break. */
async function readResponse(page: Page): Promise<string> {
  return (await page.locator('.result-window .view-lines').innerText()).replaceAll('\u00a0', ' ');
}

function executeButton(page: Page): Locator {
  return page.locator('.graphiql-execute-button');
}

async function saveScreenshot(page: Page, name: string): Promise<void> {
  const path = join(tmpdir(), `aegis-${name}.png`);
  await page.screenshot({ path });
  process.stderr.write(`Screenshot: ${path}\n`);
}

describeWith({ programs: ['chromium'] }, 'The page at the gateway’s root', () => {
  let system: AegisSystem | undefined;
  let browser: Browser | undefined;
  let page: Page;
  let record: PageRecord;

  beforeAll(async () => {
    system = await startOneProcess({ probe: true });
    await waitForProbe(system);
    browser = await chromium.launch({ executablePath: findProgram('chromium') ?? '', args: CHROMIUM_FLAGS });
    page = await browser.newPage({ viewport: { width: 1_280, height: 800 } });
    await page.addInitScript(WATCH_POLICY);
    record = recordPage(page);
    await page.goto(system.url);
    // The button is there before the editors are, and until then does nothing.
    await page.locator('.graphiql-query-editor .view-line', { hasText: 'Devices' }).first().waitFor();
    await page.locator('.result-window .view-lines').waitFor();
  }, 90_000);

  afterAll(async () => {
    await browser?.close();
    await system?.close();
  }, 30_000);

  it('runs the query of its first tab over live data of this machine', async () => {
    await executeButton(page).click();
    const response = await waitFor('the response is there', async () => {
      const text = await readResponse(page);
      return text.includes('cpu.user') && text;
    });
    expect(response).toContain('"name": "host"');
    expect(response).toMatch(/"value": [0-9.]+/);
    await saveScreenshot(page, 'page-query');
  });

  it('shows the events of the subscription in its second tab one after the other', async () => {
    await page.getByRole('tab', { name: 'Consciousness' }).click();
    await executeButton(page).click();
    const cursors = new Set<string>();
    await waitFor('three events have been shown', async () => {
      const cursor = /"cursor": "(?<cursor>[^"]+)"/.exec(await readResponse(page))?.groups?.['cursor'];
      if (cursor !== undefined) cursors.add(cursor);
      return cursors.size >= 3;
    });
    expect(await readResponse(page)).toContain('"name": "host"');
    await saveScreenshot(page, 'page-subscription');
    await executeButton(page).click();
  });

  it('asks nobody but its own server, and does nothing that its policy forbids', async () => {
    expect([...record.hosts]).toEqual([new URL(page.url()).host]);
    expect(await page.evaluate('refusedByPolicy')).toEqual([]);
    expect(record.errors).toEqual([]);
  });
});
