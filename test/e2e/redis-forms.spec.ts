import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ROLES, type Role } from '@syncline/contracts';
import {
  Certificates,
  Child,
  eventually,
  freePort,
  NodeProcess,
  RedisCluster,
  RedisSentinels,
  RedisServer,
} from '@syncline/testing';
import request from 'supertest';

const isSuccess = ({ ok, status }: request.Response) => {
  if (!ok) throw new Error(`Answered by ${status}`);
};

/** Does something with each role that Redis must remember. */
const USES: Record<Role, (url: string, name: string) => request.Test> = {
  lock: (url, name) =>
    request(url).post(`/v1/locks/${name}/acquire`).send({ owner: 'a', ttlMs: 60_000 }).expect(200),
  queue: (url, name) =>
    request(url)
      .post(`/v1/queues/${name}/messages`)
      .send({ messages: [{ body: name }] })
      .expect(201),
  cache: (url, name) =>
    request(url).put(`/v1/caches/things/entries/${name}`).type('text/plain').send(name).expect(isSuccess),
};

/** A node that should not come up. */
async function startInVain(role: Role, env: Record<string, string>) {
  const main = join(process.cwd(), 'dist', 'apps', role, 'apps', role, 'src', 'main.js');
  const child = new Child(
    role,
    spawn(process.execPath, [main], {
      env: { PATH: process.env.PATH, NODE_ID: 'n', PORT: String(await freePort()), ...env },
    }),
  );
  return { code: await child.exited, output: child.output };
}

describe('A node whose REDIS_URL names sentinels', () => {
  it.each(ROLES)('serves on their primary, and on the next one after a failover: %s', async (role) => {
    await using sentinels = await RedisSentinels.start({ password: 's3cret', sentinelPassword: 'an0ther' });
    const node = await NodeProcess.start(role, {
      redisUrl: sentinels.url,
      nodeId: 'n',
      env: { REDIS_SENTINEL_PASSWORD: 'an0ther' },
    });
    try {
      await USES[role](node.url, 'before');
      await sentinels.failover();
      await eventually(() => USES[role](node.url, 'after'));
      await eventually(() => request(node.url).get('/health/ready').expect(200));

      const primary = await sentinels.primary();
      await primary.kill();
      await sentinels.movedFrom(primary);
      await eventually(() => USES[role](node.url, 'and-again'));
      await eventually(() => request(node.url).get('/health/ready').expect(200));
    } finally {
      await node.stop();
    }
  });
});

describe('A node whose REDIS_URL is a mistake exits, and says what to set', () => {
  it('when it names one sentinel, or sentinels the wrong way', async () => {
    await using sentinels = await RedisSentinels.start({ sentinelPassword: 'an0ther' });
    const withPassword = sentinels.urlOfSentinel.replace('redis://', 'redis://:an0ther@');
    const right = { REDIS_SENTINEL_PASSWORD: 'an0ther' };
    for (const [env, says] of [
      [{ REDIS_URL: withPassword }, 'names a sentinel: set redis-sentinel://'],
      [{ REDIS_URL: sentinels.url.replace('#mymaster', '#other'), ...right }, 'know no primary by the name'],
      [{ REDIS_URL: sentinels.url, REDIS_SENTINEL_PASSWORD: 'wrong' }, 'set REDIS_SENTINEL_PASSWORD'],
      [{ REDIS_URL: sentinels.url }, 'set REDIS_SENTINEL_PASSWORD'],
    ] as const) {
      const { code, output } = await startInVain('lock', env);
      expect([env.REDIS_URL, code]).toEqual([env.REDIS_URL, 1]);
      expect(output).toContain(says);
    }
  });

  it('when it names a Redis where it should name sentinels, or several where there is one', async () => {
    await using redis = await RedisServer.start();
    await using another = await RedisServer.start();
    for (const [role, url, says] of [
      ['queue', `${redis.url.replace('redis:', 'redis-sentinel:')}#mymaster`, 'a Redis answers there'],
      ['cache', `${redis.url},${another.url}`, 'name one'],
    ] as const) {
      const { code, output } = await startInVain(role, { REDIS_URL: url });
      expect([url, code]).toEqual([url, 1]);
      expect(output).toContain(says);
    }
  });

  it('when it names one node of a Redis Cluster', async () => {
    await using cluster = await RedisCluster.start();
    const { code, output } = await startInVain('lock', { REDIS_URL: cluster.servers[0]?.url ?? '' });
    expect(code).toBe(1);
    expect(output).toContain('name several of its nodes');
  });
});

describe('A node that speaks TLS with Redis', () => {
  const certificates = new Certificates();
  const { cert, key } = certificates.issue('redis.example');
  const client = certificates.issue('client.example');
  afterAll(() => certificates.remove());

  const startRedis = async () => {
    const port = await freePort();
    const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', certificates.ca];
    const server = await RedisServer.start({ args: ['--tls-port', `${port}`, ...files] });
    return { server, url: `rediss://127.0.0.1:${port}` };
  };

  // A cache node has the most kinds of connections.
  it.each(['cache'] as const)('shows its certificate, and checks that of Redis: %s', async (role) => {
    const { server, url } = await startRedis();
    try {
      const tls = { REDIS_TLS_CA: certificates.ca, REDIS_TLS_SERVERNAME: 'redis.example' };
      const node = await NodeProcess.start(role, {
        redisUrl: url,
        nodeId: 'n',
        env: { ...tls, REDIS_TLS_CERT: client.cert, REDIS_TLS_KEY: client.key },
      });
      await USES[role](node.url, 'over-tls');
      expect(await node.stop()).toBe(0);
    } finally {
      await server.stop();
    }
  });

  it('exits when it cannot trust it, and says which variable is missing', async () => {
    const { server, url } = await startRedis();
    try {
      const all = {
        REDIS_URL: url,
        REDIS_TLS_CA: certificates.ca,
        REDIS_TLS_SERVERNAME: 'redis.example',
        REDIS_TLS_CERT: client.cert,
        REDIS_TLS_KEY: client.key,
      };
      for (const [without, says] of [
        [{ REDIS_TLS_CA: '' }, 'set REDIS_TLS_CA'],
        [{ REDIS_TLS_SERVERNAME: '' }, 'set REDIS_TLS_SERVERNAME'],
      ] as const) {
        const { code, output } = await startInVain('lock', { ...all, ...without });
        expect([without, code]).toEqual([without, 1]);
        expect(output).toContain(says);
      }
    } finally {
      await server.stop();
    }
  });
});

describe('A Redis whose configuration changes under running nodes', () => {
  it('is no longer served on while it may evict, and again once it may not', async () => {
    await using redis = await RedisServer.start();
    const node = await NodeProcess.start('queue', { redisUrl: redis.url, nodeId: 'n' });
    const admin = redis.connect();
    try {
      await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
      await eventually(async () => {
        const { body } = await request(node.url).get('/health/ready').expect(503);
        expect(body.error.redis.message).toContain('maxmemory-policy allkeys-lru');
      });
      await admin.config('SET', 'maxmemory-policy', 'noeviction');
      await eventually(() => request(node.url).get('/health/ready').expect(200));
    } finally {
      admin.disconnect();
      await node.stop();
    }
  });
});
