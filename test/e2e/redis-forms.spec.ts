import { ROLES, type Role } from '@syncline/contracts';
import {
  Certificates,
  eventually,
  freePort,
  NodeProcess,
  RedisSentinels,
  RedisServer,
  startInVain,
  stopAll,
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

const exitsSaying = async (role: Role, env: Record<string, string>, says: string) => {
  const { code, output } = await startInVain(role, env);
  expect([env, code]).toEqual([env, 1]);
  expect(output).toContain(says);
};

describe('Nodes whose REDIS_URL names sentinels', () => {
  const right = { REDIS_SENTINEL_PASSWORD: 'an0ther' };
  let sentinels: RedisSentinels;

  beforeAll(async () => {
    sentinels = await RedisSentinels.start({ password: 's3cret', sentinelPassword: 'an0ther' });
  });
  afterAll(() => sentinels?.stop());

  it('exit, and say what to set, when it names one sentinel, another primary, or the password is wrong', async () => {
    const withPassword = sentinels.urlOfSentinel.replace('redis://', 'redis://:an0ther@');
    const otherName = sentinels.url.replace('#mymaster', '#other');
    const wrong = { REDIS_SENTINEL_PASSWORD: 'wrong' };
    await Promise.all([
      exitsSaying('lock', { REDIS_URL: withPassword }, 'names a sentinel: set redis-sentinel://'),
      exitsSaying('lock', { REDIS_URL: otherName, ...right }, 'know no primary by the name'),
      exitsSaying('lock', { REDIS_URL: sentinels.url, ...wrong }, 'set REDIS_SENTINEL_PASSWORD'),
      exitsSaying('lock', { REDIS_URL: sentinels.url }, 'set REDIS_SENTINEL_PASSWORD'),
    ]);
  });

  it('serve on their primary, and on the next one after a failover', async () => {
    const nodes = await Promise.all(
      ROLES.map((role) => NodeProcess.start(role, { redisUrl: sentinels.url, nodeId: role, env: right })),
    );
    const allServe = (name: string) =>
      Promise.all(
        nodes.map(async ({ role, url }) => {
          await eventually(() => USES[role](url, name));
          await eventually(() => request(url).get('/health/ready').expect(200));
        }),
      );
    try {
      await Promise.all(nodes.map(({ role, url }) => USES[role](url, 'before')));
      await sentinels.failover();
      await allServe('after');

      const primary = await sentinels.primary();
      await primary.kill();
      await sentinels.movedFrom(primary);
      await allServe('and-again');
      for (const { url } of nodes) {
        const { body } = await request(url).get('/v1/node').expect(200);
        expect(body.redis).toMatchObject({
          topology: 'sentinel',
          primaries: [{ instance: body.redis.instance }],
        });
      }
    } finally {
      await stopAll(nodes);
    }
  });
});

describe('A node whose REDIS_URL names a Redis where it should name sentinels, or several where there is one', () => {
  it('exits, and says what to set', async () => {
    await using redis = await RedisServer.start();
    await using another = await RedisServer.start();
    const noSentinel = `${redis.url.replace('redis:', 'redis-sentinel:')}#mymaster`;
    await Promise.all([
      exitsSaying('queue', { REDIS_URL: noSentinel }, 'a Redis answers there'),
      exitsSaying('cache', { REDIS_URL: `${redis.url},${another.url}` }, 'name one'),
    ]);
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
      const tls = { REDIS_CA: certificates.ca, REDIS_SERVERNAME: 'redis.example' };
      const node = await NodeProcess.start(role, {
        redisUrl: url,
        nodeId: 'n',
        env: { ...tls, REDIS_CERT: client.cert, REDIS_KEY: client.key },
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
        REDIS_CA: certificates.ca,
        REDIS_SERVERNAME: 'redis.example',
        REDIS_CERT: client.cert,
        REDIS_KEY: client.key,
      };
      await Promise.all(
        ['REDIS_CA', 'REDIS_SERVERNAME'].map(async (missing) => {
          const { code, output } = await startInVain('lock', { ...all, [missing]: '' });
          expect([missing, code]).toEqual([missing, 1]);
          expect(output).toContain(`set ${missing}`);
        }),
      );
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
      // It looks at each new connection, too.
      await admin.call('CLIENT', 'KILL', 'TYPE', 'normal');
      await eventually(() => request(node.url).get('/health/ready').expect(200));
    } finally {
      admin.disconnect();
      await node.stop();
    }
  });
});
