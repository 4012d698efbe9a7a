import { randomUUID } from 'node:crypto';
import autocannon from 'autocannon';

/** A scenario: the requests that each connection repeats; `context` is that connection's own, for one cycle. */
interface Scenario {
  readonly what: string;
  requests(run: string): autocannon.Request[];
}

interface Context {
  path?: string;
  body?: string;
}

const json = { 'content-type': 'application/json' };
let sequence = 0;
const next = () => (sequence += 1);

const post = (path: string, body: unknown): autocannon.Request => ({
  method: 'POST',
  path,
  headers: json,
  body: JSON.stringify(body),
});

/** The request that an earlier answer of the same cycle prepared. */
const prepared: autocannon.Request = {
  method: 'POST',
  headers: json,
  setupRequest: (request, context: Context) => ({ ...request, path: context.path, body: context.body }),
};

export const SCENARIOS = {
  lock: {
    what: 'acquire and release of distinct locks (a cycle is two requests)',
    requests: (run) => [
      {
        method: 'POST',
        headers: json,
        setupRequest: (request, context: Context) => {
          const name = `bench:${run}:${next()}`;
          const leaseId = randomUUID();
          context.path = `/v1/locks/${name}/release`;
          context.body = JSON.stringify({ leaseId });
          return {
            ...request,
            path: `/v1/locks/${name}/acquire`,
            body: JSON.stringify({ owner: 'bench', leaseId }),
          };
        },
      },
      prepared,
    ],
  },
  queue: {
    what: 'send, receive and acknowledge one message of 200 bytes (a cycle is three requests)',
    requests: (run) => [
      post(`/v1/queues/bench:${run}/messages`, { messages: [{ body: 'x'.repeat(200) }] }),
      {
        ...post(`/v1/queues/bench:${run}/receive`, {}),
        onResponse: (_status, body, context: Context) => {
          const { messages } = JSON.parse(body) as { messages: { receipt: string }[] };
          context.path = `/v1/queues/bench:${run}/ack`;
          context.body = JSON.stringify({ receipts: messages.map(({ receipt }) => receipt) });
        },
      },
      prepared,
    ],
  },
  cache: {
    what: 'one write and nine reads of an entry of 200 bytes, over 1,000 keys (a cycle is ten requests)',
    requests: (run) => {
      const write: autocannon.Request = {
        method: 'PUT',
        body: 'x'.repeat(200),
        setupRequest: (request, context: Context) => {
          context.path = `/v1/caches/bench:${run}/entries/${next() % 1_000}`;
          return { ...request, path: context.path };
        },
      };
      const read: autocannon.Request = {
        method: 'GET',
        setupRequest: (request, context: Context) => ({ ...request, path: context.path }),
      };
      return [write, ...Array.from({ length: 9 }, () => read)];
    },
  },
} as const satisfies Record<string, Scenario>;

export const isScenario = (name: string): name is keyof typeof SCENARIOS => Object.hasOwn(SCENARIOS, name);

/** Puts load on nodes that run, one URL after the other, with a bar of progress and a table in the end. */
export async function loadTest(
  name: keyof typeof SCENARIOS,
  options: {
    urls: readonly string[];
    seconds?: number | undefined;
    connections?: number | undefined;
    say: (line: string) => void;
  },
): Promise<void> {
  const { urls, seconds = 10, connections = 64, say } = options;
  const scenario: Scenario = SCENARIOS[name];
  const run = randomUUID().slice(0, 8);
  say(`${scenario.what}; ${connections} connections, ${seconds} s`);
  const tests = urls.map((url) => {
    const test = autocannon({
      url,
      title: url,
      connections: Math.max(1, Math.round(connections / urls.length)),
      duration: seconds,
      requests: scenario.requests(run),
    });
    return test;
  });
  const [first] = tests;
  if (first) autocannon.track(first as unknown as autocannon.Instance, { renderResultsTable: false });
  for (const [index, result] of (await Promise.all(tests)).entries()) {
    say(`\n${urls[index]}\n${autocannon.printResult(result)}`);
    if (result.non2xx > 0)
      say(`${result.non2xx} answers were no success: ${JSON.stringify(result.statusCodeStats)}`);
  }
}
