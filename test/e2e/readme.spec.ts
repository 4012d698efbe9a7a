import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { type NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';

const FIRST_PORT = { lock: 8001, queue: 8004, cache: 8007 } as const;
const run = promisify(execFile);

/** A shell example of the README and its answer: `json` answers are compared by shape, `text` answers exactly. */
interface Example {
  readonly command: string;
  readonly format: string;
  readonly answer: string;
}

const readme = readFileSync('README.md', 'utf8');
const examples: Example[] = [...readme.matchAll(/```sh\n(curl .*?)```\n\n```(json|text)\n(.*?)```/gs)].map(
  ([, command = '', format = '', answer = '']) => ({ command, format, answer }),
);

/** Keeps only names and types, because ids and times differ between runs. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf);
  if (value === null || typeof value !== 'object') return value === null ? 'null' : typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, shapeOf(each)]));
}

describe('the examples of the README', () => {
  let redis: RedisServer;
  let nodes: NodeProcess[];
  let ports: Map<string, string>;

  beforeAll(async () => {
    redis = await RedisServer.start();
    const roles = Object.entries(FIRST_PORT) as ['lock' | 'queue' | 'cache', number][];
    const started = await Promise.all(roles.map(([role]) => startNodes(role, 2, { redisUrl: redis.url })));
    nodes = started.flat();
    ports = new Map(
      roles.flatMap(([, first], i) =>
        (started[i] ?? []).map((node, n): [string, string] => [
          `localhost:${first + n}`,
          node.url.slice('http://'.length),
        ]),
      ),
    );
  });
  afterAll(async () => {
    await stopAll(nodes);
    await redis.stop();
  });

  it('are found', () => {
    expect(examples.length).toBeGreaterThanOrEqual(5);
  });

  it.each(examples)('get the answer that the README shows: $command', async ({ command, format, answer }) => {
    const here = command.replace(/localhost:\d+/g, (address) => ports.get(address) ?? address);
    const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', here]);
    if (format === 'text') expect(stdout.trim()).toBe(answer.trim());
    else expect(shapeOf(JSON.parse(stdout))).toEqual(shapeOf(JSON.parse(answer)));
  });

  const queued = async () => {
    const [, queue] = [...ports.entries()].find(([address]) => address === 'localhost:8004') ?? [];
    const answer = await fetch(`http://${queue}/v1/queues/mails/messages?state=ready`);
    const { messages } = (await answer.json()) as { messages: { body: unknown }[] };
    return messages.filter(({ body }) => body === 'hello').length;
  };
  const programs = { js: ['node', '--input-type=module', '-e'], python: ['python3', '-c'] } as const;
  const hasBoto3 = spawnSync('python3', ['-c', 'import boto3']).status === 0;

  it.each(hasBoto3 ? (['js', 'python'] as const) : (['js'] as const))(
    'send by a client of SQS, in %s',
    async (language) => {
      const [, program = ''] = new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(readme) ?? [];
      const here = program.replace(/localhost:\d+/g, (address) => ports.get(address) ?? address);
      const before = await queued();
      const [command, ...args] = programs[language];
      await run(command, [...args, here]);
      expect(await queued()).toBe(before + 1);
    },
  );
});
