import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Child, type NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';
import { asLeastUser, breachesOf, grantLeastRights, LEAST_RIGHTS } from './least-rights.js';

const TOPICS = ['locks', 'queues', 'caches'];
const FILES = TOPICS.flatMap((topic) =>
  readdirSync(join('examples', topic)).map((file) => join(topic, file)),
);

let redis: RedisServer;
let admin: ReturnType<RedisServer['connect']>;
let nodes: NodeProcess[] = [];
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  redis = await RedisServer.start();
  admin = redis.connect();
  await grantLeastRights(admin);
  const options = { redisUrl: asLeastUser(redis.url), env: LEAST_RIGHTS };
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
  it('print the output in their comments, with the rights in Redis that the page of operations grants', async () => {
    await Promise.all(TOPICS.map(print));
    expect(await admin.dbsize()).toBeGreaterThan(0);
    expect(await breachesOf(admin)).toEqual([]);
  });

  it('are all listed in their README', () => {
    const table = readFileSync('examples/README.md', 'utf8');
    expect(FILES.filter((file) => !table.includes(`(${file})`))).toEqual([]);
  });
});
