import { ROLES } from '@syncline/contracts';
import { Chromium, eventually, NodeProcess, RedisServer, stopAll } from '@syncline/testing';

interface Operation {
  readonly operationId: string;
  readonly tags?: readonly string[];
  readonly responses: Readonly<Record<string, unknown>>;
}
interface Called extends Operation {
  readonly method: string;
  readonly path: string;
}

/** Opens the operation with this id and clicks "Try it out" and "Execute", without filling in anything. */
const EXECUTE = `async (id) => {
  const find = async (selector) => {
    for (;;) {
      const found = document.getElementById(id)?.querySelector(selector);
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  (await find('.opblock-summary-control')).click();
  (await find('.try-out__btn')).click();
  (await find('.execute')).click();
}`;
/** The validation errors for which Swagger UI does not send the request. */
const REFUSALS = `(id) => {
  const marked = document.getElementById(id).querySelectorAll('.validation-errors li, .parameters .invalid');
  return [...marked].map((mark) => mark.title || mark.textContent);
}`;
const CLOSE = `(id) => document.getElementById(id).querySelector('.opblock-summary-control').click()`;

/** It switches to another protocol, which a form cannot do. */
const NOT_FOR_FORMS = 'GET /v1/calls';

describe('Swagger UI, in a browser', () => {
  let redis: RedisServer;
  let nodes: NodeProcess[] = [];
  let browser: Chromium;

  beforeAll(async () => {
    redis = await RedisServer.start();
    nodes = await Promise.all(
      ROLES.map((role) => NodeProcess.start(role, { redisUrl: redis.url, nodeId: `${role}_1` })),
    );
    browser = await Chromium.start();
  });
  afterAll(async () => {
    await browser?.stop();
    await stopAll(nodes);
    await redis?.stop();
  });

  /** Executes an operation with its examples. Returns an error message; null when it works. */
  async function execute(operation: Called): Promise<string | null> {
    const { method, path, operationId, tags = [], responses } = operation;
    const name = `${method.toUpperCase()} ${path}`;
    const itsPath = new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
    const id = `operations-${tags[0] ?? 'default'}-${operationId}`;
    const before = browser.answers.length;
    await browser.run(EXECUTE, id);
    const outcome = await eventually(async () => {
      const refusals = await browser.run<string[]>(REFUSALS, id);
      if (refusals.length > 0) return `is not sent: ${refusals.join('; ')}`;
      const answers = browser.answers.slice(before);
      const answer = answers.find(({ url }) => itsPath.test(new URL(url).pathname));
      if (answer === undefined) throw new Error(`${name} has neither an answer nor a reason why not`);
      return answer.status;
    });
    await browser.run(CLOSE, id);
    if (typeof outcome === 'string') return `${name} ${outcome}`;
    const expected = outcome in responses && (outcome !== 400 || name === NOT_FOR_FORMS);
    return expected ? null : `${name} is answered by ${outcome}`;
  }

  it.each(ROLES.map((role, i) => [role, i] as const))(
    'runs every operation of the %s nodes as it is filled in',
    async (_role, i) => {
      const { url } = nodes[i] as NodeProcess;
      const document = (await (await fetch(`${url}/api/doc-json`)).json()) as {
        paths: Record<string, Record<string, Operation>>;
      };
      const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, operation]) => ({ ...operation, method, path })),
      );
      await browser.open(`${url}/api/doc`);
      const wrong: (string | null)[] = [];
      for (const operation of operations) wrong.push(await execute(operation));
      expect(wrong.filter((each) => each !== null)).toEqual([]);
      expect(operations.length).toBeGreaterThan(15);
    },
  );
});
