import { ROLES } from '@syncline/contracts';
import { eventually, NodeProcess, RedisServer, startBrowser, stopAll } from '@syncline/testing';
import type { Browser, Page } from 'playwright-core';

interface Operation {
  readonly operationId: string;
  readonly tags?: readonly string[];
  readonly responses: Readonly<Record<string, unknown>>;
}
interface Called extends Operation {
  readonly method: string;
  readonly path: string;
}

/** The validation errors for which Swagger UI does not send the request. */
const REFUSALS = `(id) => {
  const marked = document.getElementById(id).querySelectorAll('.validation-errors li, .parameters .invalid');
  return [...marked].map((mark) => mark.title || mark.textContent);
}`;
/** It switches to another protocol, which a form cannot do. */
const NOT_FOR_FORMS = 'GET /v1/calls';

describe('Swagger UI, in a browser', () => {
  let redis: RedisServer;
  let nodes: NodeProcess[] = [];
  let browser: Browser;
  let page: Page;
  const answers: { readonly url: string; readonly status: number }[] = [];
  /** What was executed at a node of any role. */
  const executed = new Set<string>();

  beforeAll(async () => {
    redis = await RedisServer.start();
    nodes = await Promise.all(
      ROLES.map((role) => NodeProcess.start(role, { redisUrl: redis.url, nodeId: `${role}_1` })),
    );
    browser = await startBrowser();
    page = await browser.newPage();
    page.on('response', (answer) => answers.push({ url: answer.url(), status: answer.status() }));
  });
  afterAll(async () => {
    await browser?.close();
    await stopAll(nodes);
    await redis?.stop();
  });

  /** Executes an operation with its examples. Returns an error message; null when it works. */
  async function execute(operation: Called): Promise<string | null> {
    const { method, path, operationId, tags = [], responses } = operation;
    const name = `${method.toUpperCase()} ${path}`;
    const itsPath = new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
    const id = `operations-${tags[0] ?? 'default'}-${operationId}`;
    const before = answers.length;
    const block = page.locator(`[id="${id}"]`);
    await block.locator('.opblock-summary-control').dispatchEvent('click');
    await block.locator('.try-out__btn').dispatchEvent('click');
    await block.locator('.execute').dispatchEvent('click');
    const outcome = await eventually(async () => {
      const refusals = await page.evaluate<string[]>(`(${REFUSALS})(${JSON.stringify(id)})`);
      if (refusals.length > 0) return `is not sent: ${refusals.join('; ')}`;
      const answer = answers.slice(before).find(({ url }) => itsPath.test(new URL(url).pathname));
      if (answer === undefined) throw new Error(`${name} has neither an answer nor a reason why not`);
      return answer.status;
    });
    await block.locator('.opblock-summary-control').dispatchEvent('click');
    if (typeof outcome === 'string') return `${name} ${outcome}`;
    const expected = outcome in responses && (outcome !== 400 || name === NOT_FOR_FORMS);
    return expected ? null : `${name} is answered by ${outcome}`;
  }

  it.each(ROLES.map((role, i) => [role, i] as const))(
    'runs every operation of the %s nodes as it is filled in, those that all roles have once',
    async (role, i) => {
      const { url } = nodes[i] as NodeProcess;
      const document = (await (await fetch(`${url}/api/doc-json`)).json()) as {
        paths: Record<string, Record<string, Operation>>;
      };
      const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, operation]) => ({ ...operation, method, path })),
      );
      await page.goto(`${url}/api/doc`);
      await page.locator('.opblock').first().waitFor();
      if (process.env.WRITE_SCREENSHOTS && role === 'lock')
        await page.screenshot({ path: 'docs/images/swagger-lock.png' });
      // What nobody looks at is not drawn: that took most of the time.
      await page.addStyleTag({ content: 'body { display: none }' });
      const wrong: (string | null)[] = [];
      for (const operation of operations) {
        const inWords = JSON.stringify(operation);
        if (!executed.has(inWords)) wrong.push(await execute(operation));
        executed.add(inWords);
      }
      expect(wrong.filter((each) => each !== null)).toEqual([]);
      expect(operations.length).toBeGreaterThan(15);
    },
  );
});
