import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Child, type NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';

const TOPICS = ['locks', 'queues', 'caches'];
const FILES = TOPICS.flatMap((topic) =>
  readdirSync(join('examples', topic)).map((file) => join(topic, file)),
);

/** The rights that the page of operations tells to grant, in a namespace. */
const [, RIGHTS = ''] =
  /^ACL SETUSER syncline (.*)$/m.exec(
    readFileSync('docs/operations.md', 'utf8')
      .replaceAll('syncline:*', 'billing:syncline:*')
      .replaceAll('syncline.*', 'billing:syncline.*'),
  ) ?? [];

let redis: RedisServer;
let admin: ReturnType<RedisServer['connect']>;
let nodes: NodeProcess[] = [];
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  redis = await RedisServer.start();
  admin = redis.connect();
  await admin.call('ACL', 'SETUSER', 'syncline', ...RIGHTS.split(' '));
  const options = {
    redisUrl: redis.url.replace('redis://', 'redis://syncline:PASSWORD@'),
    env: { SYNCLINE_NAMESPACE: 'billing' },
  };
  const roles = ['lock', 'queue', 'cache'] as const;
  const started = await Promise.all(roles.map((role) => startNodes(role, 2, options)));
  nodes = started.flat();
  const [LOCK_URLS, QUEUE_URLS, CACHE_URLS] = started.map((group) => group.map(({ url }) => url).join());
  env = { ...process.env, LOCK_URLS, QUEUE_URLS, CACHE_URLS };
});

afterAll(async () => {
  await stopAll(nodes);
  admin?.disconnect();
  await redis?.stop();
});

describe('the examples', () => {
  // Side by side, one of each topic at a time: those of a topic may use the same names.
  const print = async (topic: string) => {
    for (const file of FILES.filter((each) => each.startsWith(`${topic}/`))) {
      const path = join('examples', file);
      const says = [...readFileSync(path, 'utf8').matchAll(/console\.log\(.*\)[,;]+ \/\/ (.*)/g)];
      expect(says.length).toBeGreaterThan(0);
      const args = ['--import', 'tsx', '--unhandled-rejections=strict', path];
      const child = new Child(file, spawn(process.execPath, args, { env }));
      expect({ file, code: await child.exited, output: child.output }).toEqual({
        file,
        code: 0,
        output: says.map(([, line]) => line).join('\n'),
      });
    }
  };
  it('print the output in their comments', () => Promise.all(TOPICS.map(print)));

  it('need no more rights in Redis than the page of operations grants, and nothing outside of their namespace', async () => {
    expect(RIGHTS).toContain('~billing:syncline:* &billing:syncline.*');
    expect(await admin.call('ACL', 'LOG')).toEqual([]);
    expect(await admin.dbsize()).toBeGreaterThan(0);
    expect((await admin.keys('*')).filter((key) => !key.startsWith('billing:syncline:'))).toEqual([]);
    const channels = (await admin.pubsub('CHANNELS')) as string[];
    expect(channels.filter((channel) => !channel.startsWith('billing:syncline.'))).toEqual([]);
    const libraries = (await admin.function('LIST')) as unknown[][];
    expect(libraries.map(([, name]) => String(name).replace(/_[0-9a-f]{16}$/, '')).sort()).toEqual(
      ['caches', 'cluster', 'locks', 'queues'].map((engine) => `syncline_${engine}_billing`),
    );
  });

  it('are all listed in their README', () => {
    const table = readFileSync('examples/README.md', 'utf8');
    expect(FILES.filter((file) => !table.includes(`(${file})`))).toEqual([]);
  });
});
