import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { eventually, NodeProcess, RedisServer, startBrowser, startNodes, stopAll } from '@syncline/testing';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';

const ADMIN = 'the-secret-of-the-admin';
const READER = 'the-secret-of-the-reader';
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SCREENS = [
  'now',
  'locks',
  'locks/account-1',
  'waits',
  'queues',
  'queues/orders',
  'queues/orders/ready',
  'queues/orders/dead',
  'queues/orders/send',
  'queues/orders/configuration',
  'schedules',
  'caches',
  'caches/prices?key=sku-1',
  'cluster',
];

/** Screens that the documents show. */
const SHOWN: Readonly<Record<string, string>> = {
  now: 'now',
  waits: 'waits',
  'queues/orders/dead': 'dead',
};

describe('the console, in a browser', () => {
  let redis: RedisServer;
  let nodes: NodeProcess[] = [];
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  /** What no page may do: errors, and requests to other hosts. */
  const faults: string[] = [];

  const nodeOf = (id: string) => nodes.find(({ nodeId }) => nodeId === id) as NodeProcess;
  const call = async (id: string, method: string, path: string, body?: unknown) => {
    const response = await fetch(`${nodeOf(id).url}/v1/${path}`, {
      method,
      headers: { Authorization: `Bearer ${ADMIN}`, 'Content-Type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return text === '' ? {} : JSON.parse(text);
  };
  const acquire = (name: string, owner: string, waitMs = 0) =>
    call('lock_1', 'POST', `locks/${name}/acquire`, { owner, ttlMs: 600_000, waitMs });
  const send = (body: unknown, more = {}) =>
    call('queue_1', 'POST', 'queues/orders/messages', { messages: [{ body, ...more }] });
  const stats = async (): Promise<Record<string, number>> =>
    (await call('queue_1', 'GET', 'queues/orders')).stats;

  const open = async (screen: string) => {
    await page.goto(`${nodeOf('lock_1').url}/console/#/${screen}`);
    await page.locator('main h1').first().waitFor();
  };
  /** When the screen reads nothing any more. */
  const settled = () =>
    eventually(async () => {
      const reading = await page.locator('.empty', { hasText: '…' }).count();
      if (reading > 0) throw new Error(`${reading} parts of ${page.url()} are still read`);
    });
  const signIn = async (secret: string) => {
    await page.goto(`${nodeOf('lock_1').url}/console/`);
    await page.getByLabel('Secret of an API key').fill(secret);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };
  /** Answers the question that is asked. */
  const confirm = async (does: string, typed?: string) => {
    const dialog = page.getByRole('dialog');
    if (typed !== undefined) await dialog.getByLabel(`Type ${typed}`).fill(typed);
    await dialog.getByRole('button', { name: does }).click();
  };

  beforeAll(async () => {
    redis = await RedisServer.start();
    const env = { API_KEYS: `admin:${ADMIN}:admin,reader:${READER}:read` };
    const [locks, queues, caches] = await Promise.all([
      startNodes('lock', 1, { redisUrl: redis.url, env }),
      startNodes('queue', 2, { redisUrl: redis.url, env }),
      startNodes('cache', 2, { redisUrl: redis.url, env }),
    ]);
    nodes = [...locks, ...queues, ...caches];
    browser = await startBrowser();
    context = await browser.newContext();
    page = await context.newPage();
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    page.on('pageerror', (error) => faults.push(String(error)));
    page.on('request', (request) => {
      if (!request.url().startsWith(nodeOf('lock_1').url)) faults.push(request.url());
    });

    for (const [name, owner] of [
      ['account-1', 'alice'],
      ['account-2', 'bob'],
    ] as const)
      await acquire(name, owner);
    void acquire('account-2', 'alice', 600_000).catch(() => undefined);
    // The circle closes here: this wait is given up.
    await eventually(async () => {
      const { waits } = await call('lock_1', 'GET', 'locks/waits');
      if (waits.length !== 1) throw new Error('alice does not wait yet');
    });
    expect((await acquire('account-1', 'bob', 60_000)).code).toBe('deadlock');
    const permits = { limit: 3, permits: 2, ttlMs: 600_000 };
    await call('lock_1', 'POST', 'semaphores/exports/acquire', { owner: 'carol', ...permits });
    await call('lock_1', 'POST', 'sessions', { owner: 'worker-7', ttlMs: 600_000 });
    await call('queue_1', 'PUT', 'queues/orders', {});
    for (const order of [1, 2, 3]) await send({ order }, { groupId: `customer-${order}` });
    const { messages } = await call('queue_1', 'POST', 'queues/orders/receive', { max: 2 });
    const receipts = messages.map(({ receipt }: { receipt: string }) => receipt);
    await call('queue_1', 'POST', 'queues/orders/nack', {
      receipts,
      dead: true,
      reason: 'TimeoutError',
      detail: 'at pay',
    });
    await send({ order: 4 }, { delayMs: 600_000 });
    await call('queue_1', 'PUT', 'schedules/morning', {
      queue: 'orders',
      cron: '0 9 * * *',
      message: { body: 'up' },
    });
    for (const node of ['cache_1', 'cache_2'])
      await call(node, 'PUT', 'caches/prices/entries/sku-1', { price: 7 });
  });
  afterAll(async () => {
    await browser?.close();
    await stopAll(nodes);
    await redis?.stop();
  });

  it('wants a key, and keeps it from scripts', async () => {
    await signIn('not-the-secret-of-anybody');
    await page.getByText('No API key has this secret.').waitFor();
    // Told as an error by the browser itself.
    expect(faults.splice(0).every((fault) => fault.includes('401'))).toBe(true);

    await signIn(ADMIN);
    await page.getByRole('heading', { name: 'Now' }).waitFor();
    const [cookie] = await context.cookies(`${nodeOf('lock_1').url}/console/`);
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', path: '/console' });
    expect(cookie?.value).not.toContain(ADMIN);
    expect(
      await page.evaluate('document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)'),
    ).toBe('{}{}');
  });

  it.each([
    ['light', 1_280],
    ['dark', 360],
  ] as const)('shows every screen without a fault: %s, %i wide', async (colorScheme, width) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 900 });
    for (const screen of SCREENS) {
      await open(screen);
      await settled();
      expect([screen, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([screen, width]);
      // Not as a script of the page, which its policy would refuse.
      await page.evaluate(AXE);
      const { violations } = (await page.evaluate('axe.run()')) as {
        violations: { id: string; nodes: { html: string }[] }[];
      };
      const told = violations.map(({ id, nodes: [first] }) => `${id}: ${first?.html}`);
      expect([screen, told]).toEqual([screen, []]);
      if (process.env.WRITE_SCREENSHOTS && colorScheme === 'light' && screen in SHOWN)
        await page.screenshot({ path: `docs/images/console-${SHOWN[screen]}.png` });
    }
    await page.setViewportSize({ width: 1_280, height: 900 });
    expect(faults).toEqual([]);
  });

  it('says what is wrong, and leads there', async () => {
    await open('now');
    await page.getByRole('link', { name: 'orders: 2 dead messages' }).click();
    await page.getByText('TimeoutError').first().waitFor();
    await open('now');
    await page.getByRole('link', { name: '1 deadlock in the last 15 minutes' }).click();
    await page.getByRole('listitem').filter({ hasText: 'bob waited for account-1, held by alice' }).waitFor();
  });

  it('tells what happened, in all roles', async () => {
    await open('now');
    const tape = page.getByRole('table', { name: 'What happened' });
    await tape.getByText('deadlock of 2 owners; bob gave up').waitFor();
    await tape.getByText('cache_1 joined').waitFor();
    await tape
      .getByRole('row')
      .filter({ hasText: 'dead: rejected' })
      .getByRole('link', { name: 'orders' })
      .click();
    await page.getByRole('heading', { name: 'orders' }).waitFor();
  });

  it('draws who waits for whom', async () => {
    await open('waits');
    const graph = page.getByRole('img', { name: /Who waits for whom/ });
    await expect(graph.locator('g.owner').allTextContents()).resolves.toEqual(['alice', 'bob']);
    await expect(graph.locator('g.wait').allTextContents()).resolves.toEqual(['account-2']);
  });

  it('goes by keys, and keeps the filter in the address', async () => {
    await open('now');
    await page.keyboard.press('g');
    await page.keyboard.press('q');
    await page.getByRole('heading', { name: 'Queues', exact: true }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('nothing-like-it');
    await page.getByText('There is no queue of this name').waitFor();
    expect(page.url()).toContain('#/queues?search=nothing-like-it');
    await page.reload();
    await page.getByText('There is no queue of this name').waitFor();
    await page.locator('h1').click();
    await page.keyboard.press('?');
    await page.getByRole('dialog').getByText('Search').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  });

  it('shows semaphores and sessions beside the locks', async () => {
    await open('locks');
    const semaphore = page.getByRole('table', { name: 'Semaphores' }).getByRole('row', { name: 'exports' });
    await semaphore.getByText('2 of 3').waitFor();
    await page.getByRole('table', { name: 'Sessions' }).getByText('worker-7').waitFor();
    await page.getByLabel('Filter locks').fill('account');
    await page.getByText('No semaphore is held or awaited').waitFor();
  });

  it('takes a lock from its holder, only when its name is typed', async () => {
    await open('locks/account-1');
    await page.getByRole('button', { name: 'Revoke' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Type account-1').fill('account-2');
    expect(await dialog.getByRole('button', { name: 'Revoke' }).isDisabled()).toBe(true);
    await dialog.getByLabel('Reason').fill('alice is on holiday');
    await confirm('Revoke', 'account-1');
    await page.getByText('1 lease was revoked.').waitFor();
    await page.getByRole('table', { name: 'Events' }).getByText('revoked').waitFor();
    expect((await call('lock_1', 'GET', 'locks/account-1')).mode).toBe('free');
  });

  it('pauses, sends, redrives, deletes, cancels and purges', async () => {
    await open('queues/orders');
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Resume' }).waitFor();
    expect((await call('queue_2', 'GET', 'queues/orders')).paused).toBe(true);

    await open('queues/orders/send');
    await page.getByLabel('Body, JSON').fill('{"order": 5}');
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.getByText(/^Sent as/).waitFor();
    expect(await stats()).toMatchObject({ ready: 2, delayed: 1, dead: 2 });

    await open('queues/orders/ready');
    await page
      .getByRole('link', { name: /^\d+-\d+$/ })
      .first()
      .click();
    await page.getByText('The queue is paused.').waitFor();
    await page.getByRole('button', { name: 'Cancel …' }).click();
    await confirm('Cancel the message');
    await page.getByText('Cancelled.').waitFor();
    expect(await stats()).toMatchObject({ ready: 1 });

    await open('queues/orders/delayed');
    await page.getByRole('checkbox').first().check();
    await page.getByRole('button', { name: 'Ready now' }).click();
    await page.getByText('1 ready at once.').waitFor();
    expect(await stats()).toMatchObject({ ready: 2, delayed: 0 });

    await open('queues/orders/dead');
    await page.getByRole('checkbox').first().check();
    await page.getByRole('button', { name: 'Redrive 1 selected' }).click();
    await page.getByText('1 moved back.').waitFor();
    await page.getByLabel('Reason').fill('Timeout');
    await page.getByRole('button', { name: 'Delete …' }).click();
    await confirm('Delete');
    await page.getByText('1 deleted.').waitFor();
    expect(await stats()).toMatchObject({ ready: 3 });
    await page.getByRole('link', { name: 'Dead 0' }).waitFor();

    await open('queues/orders');
    await page.getByRole('button', { name: 'Purge' }).click();
    await confirm('Purge', 'orders');
    await page.getByText('3 messages were removed.').waitFor();
    expect(await stats()).toMatchObject({ ready: 0, delayed: 0 });
  });

  it('configures a queue, and shows why it does not', async () => {
    await open('queues/orders/configuration');
    const text = page.getByLabel('Configuration', { exact: true });
    const given = await text.inputValue();
    await text.fill(given.replace('"maxReceives": 5', '"maxReceives": 0'));
    await page.getByRole('button', { name: 'Save' }).click();
    await page
      .getByText(/maxReceives/)
      .last()
      .waitFor();
    await text.fill(given.replace('"maxReceives": 5', '"maxReceives": 9'));
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('orders is configured.').waitFor();
    expect((await call('queue_1', 'GET', 'queues/orders')).maxReceives).toBe(9);
    expect(faults.splice(0).every((fault) => fault.includes('400'))).toBe(true);
  });

  it('runs and pauses a schedule', async () => {
    await open('schedules');
    await page.getByRole('button', { name: 'Run now' }).click();
    await page.getByText(/^Sent \d/).waitFor();
    expect((await call('queue_1', 'GET', 'schedules/morning')).last).toHaveLength(1);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Resume' }).waitFor();
    expect((await call('queue_1', 'GET', 'schedules/morning')).paused).toBe(true);
  });

  it('tells of each cache node how coherent it was', async () => {
    await open('caches');
    const coherence = page.getByRole('table', { name: 'Coherence' });
    for (const node of ['cache_1', 'cache_2'])
      await expect(coherence.getByRole('row', { name: node }).locator('.good').textContent()).resolves.toBe(
        '0',
      );
  });

  it('looks a key up in all nodes, and empties the cache in all of them', async () => {
    await open('caches/prices?key=sku-1');
    const seen = page.getByRole('table', { name: 'sku-1 in each node' });
    for (const node of ['cache_1', 'cache_2'])
      await seen.getByRole('row').filter({ hasText: node }).getByText('{"price":7}').waitFor();
    await page.getByRole('button', { name: 'Flush' }).click();
    await confirm('Flush', 'prices');
    await page.getByText('prices is empty.').waitFor();
    expect((await call('cache_2', 'GET', 'caches/prices')).stats.entries).toBe(0);
  });

  it('charts the last hour of a queue, as its owner has sampled it, and tells who came and went and whose arc is which', async () => {
    const { nodeId } = await call('queue_1', 'GET', 'cluster/owner?key=orders');
    const asked = page.waitForRequest((request) =>
      request.url().endsWith(`api/${nodeId}/v1/queues/orders/figures`),
    );
    await open('queues/orders');
    await asked;
    const chart = page.getByRole('img', { name: 'Rates of orders' });
    await chart.waitFor({ timeout: 60_000 });
    await expect(chart.locator('.u-series').allTextContents()).resolves.toEqual(
      expect.arrayContaining([expect.stringContaining('failed/s')]),
    );
    await page.getByText(`as much of it as ${nodeId} has sampled`).waitFor();
    await open('cluster');
    await page.getByRole('table', { name: 'Who came and went' }).getByText('cache_2 joined').waitFor();
    const coloursOf = async (parts: Locator) =>
      Promise.all(
        (await parts.all()).map(async (part) => (await part.getAttribute('style'))?.match(/--\w+/)?.[0]),
      );
    const arcs = await coloursOf(
      page.getByRole('img', { name: /cache_1 \d+ %, cache_2 \d+ %/ }).locator('circle'),
    );
    const lines = page.getByRole('table', { name: 'cache nodes' });
    expect(await coloursOf(lines.locator('.swatch'))).toEqual(arcs);
    expect(new Set(arcs).size).toBe(2);
  });

  it('says that no node of a role answers, and that they are back', async () => {
    const caches = nodes.filter(({ role }) => role === 'cache');
    await open('now');
    for (const node of caches) node.freeze();
    await page.getByText(/No cache node answers/).waitFor();
    for (const node of caches) node.thaw();
    await page.getByText(/No cache node answers/).waitFor({ state: 'detached' });
    faults.length = 0;
  });

  it('offers a reader nothing to change', async () => {
    await open('now');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Secret of an API key').waitFor();
    await signIn(READER);
    await page.getByText('read only').waitFor();
    for (const screen of [
      'locks/account-2',
      'queues/orders',
      'queues/orders/ready',
      'schedules',
      'caches/prices',
    ]) {
      await open(screen);
      await settled();
      expect([
        screen,
        await page.locator('main button.danger, main button:text-is("Pause")').count(),
      ]).toEqual([screen, 0]);
    }
  });
});
