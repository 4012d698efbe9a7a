import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Certificates, Child, eventually, freePort, isRunning, RedisServer } from '@syncline/testing';
import { Redis } from 'ioredis';
import request from 'supertest';

const running = async (pids: readonly number[]): Promise<number[]> => {
  const states = await Promise.all(pids.map(isRunning));
  return pids.filter((_, i) => states[i]);
};

describe('npm start', () => {
  const names = ['redis', 'lock_1', 'lock_2', 'queue_1', 'cache_1'];
  let env: Record<string, string>;
  let dataDir: string;
  let starter: Child;
  let lockUrl: string;
  let redis: Redis;

  const start = (more = {}) =>
    new Child('npm start', spawn(process.execPath, ['scripts/start.mjs'], { env: { ...env, ...more } }));
  const pidOf = async (name: string) => Number(await readFile(join(dataDir, 'pids', name), 'utf8'));

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'syncline-start-'));
    const [redisPort, ...ports] = await Promise.all(names.map(freePort));
    const [lock1, lock2, queue, cache] = ports;
    lockUrl = `http://localhost:${lock1}`;
    env = {
      PATH: process.env.PATH ?? '',
      REDIS_URL: '',
      REDIS_PORT: `${redisPort}`,
      DATA_DIR: dataDir,
      LOCK_PEERS: `lock_1@localhost:${lock1},lock_2@localhost:${lock2}`,
      QUEUE_PEERS: `queue_1@localhost:${queue}`,
      CACHE_PEERS: `cache_1@localhost:${cache}`,
    };
    redis = new Redis(`redis://127.0.0.1:${redisPort}`, { lazyConnect: true });
    redis.on('error', () => {});
    starter = start();
    await starter.printed(/Syncline is ready/);
  });
  afterAll(async () => {
    redis.disconnect();
    await starter.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  it('starts nodes that are ready and know each other, and prints their URLs', async () => {
    expect(starter.output).toContain(`${lockUrl}/api/doc`);
    const page = await fetch(`${lockUrl}/console/`);
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('Syncline console')]);
    expect(starter.output).toContain('listen on 127.0.0.1 and ask nobody for a key');
    const { body } = await request(lockUrl).get('/v1/cluster').expect(200);
    expect(
      body.members.map(({ nodeId, state }: { nodeId: string; state: string }) => [nodeId, state]),
    ).toEqual([
      ['lock_1', 'alive'],
      ['lock_2', 'alive'],
    ]);
    await request(lockUrl).get('/health/ready').expect(200);
  });

  it('reports a port that is taken before it starts anything', async () => {
    const second = start();
    expect(await second.exited).toBe(1);
    expect(second.output).toContain(`Port ${env.REDIS_PORT} (Redis, set by REDIS_PORT) is taken.`);
    expect(second.output).toContain(`Port ${new URL(lockUrl).port} (lock_1, set by LOCK_PEERS) is taken.`);
    expect(second.output).toContain('Nothing was started.');
  });

  it('restarts a node that was killed', async () => {
    const killed = await pidOf('lock_1');
    process.kill(killed, 'SIGKILL');
    await starter.printed(/\[lock_1\] ended \(SIGKILL\)/);
    await eventually(async () => expect(await pidOf('lock_1')).not.toBe(killed));
    await starter.printed(/\[lock_1\] is ready again/);
    await eventually(() => request(lockUrl).get('/health/ready').expect(200));
  });

  it('restarts Redis with its data, and the nodes reconnect', async () => {
    await redis.set('syncline:test', 'kept');
    process.kill(await pidOf('redis'), 'SIGKILL');
    await starter.printed(/\[redis\] ended \(SIGKILL\)/);
    await eventually(async () => expect(await redis.get('syncline:test')).toBe('kept'));
    await eventually(() => request(lockUrl).get('/health/ready').expect(200));
  });

  it('stops everything that it started on Ctrl-C', async () => {
    const pids = await Promise.all(names.map(pidOf));
    expect(await running(pids)).toEqual(pids);
    starter.process.kill('SIGINT');
    expect(await starter.exited).toBe(0);
    expect(await running(pids)).toEqual([]);
  });

  it('starts nodes with HTTPS', async () => {
    const certificates = new Certificates();
    const { cert, key } = certificates.issue('localhost');
    starter = start({ TLS_CERT: cert, TLS_KEY: key });
    await starter.printed(/Syncline is ready/);
    const url = lockUrl.replace('http:', 'https:');
    expect(starter.output).toContain(`${url}/api/doc`);
    await request(url).get('/health/ready').ca(certificates.read(certificates.ca)).expect(200);
    certificates.remove();
  });

  it('leaves no process running when it is killed', async () => {
    const pids = await Promise.all(names.map(pidOf));
    expect(await running(pids)).toEqual(pids);
    await starter.kill();
    await eventually(async () => expect(await running(pids)).toEqual([]));
  });
});

describe('npm start with invalid variables', () => {
  it('says at once that a password is wrong', async () => {
    await using server = await RedisServer.start({ args: ['--requirepass', 'right'] });
    const REDIS_URL = server.url.replace('redis://', 'redis://:hidden-password@');
    const [lock, queue, cache] = await Promise.all([freePort(), freePort(), freePort()]);
    const env = {
      PATH: process.env.PATH,
      REDIS_URL,
      LOCK_PEERS: `lock_1@localhost:${lock}`,
      QUEUE_PEERS: `queue_1@localhost:${queue}`,
      CACHE_PEERS: `cache_1@localhost:${cache}`,
    };
    const starter = new Child('npm start', spawn(process.execPath, ['scripts/start.mjs'], { env }));
    expect(await starter.exited).toBe(1);
    expect(starter.output).toMatch(/refuses the user or password in REDIS_URL: WRONGPASS/);
    expect(starter.output).not.toContain('hidden-password');
  });

  it.each([
    [{ LOCK_PEERS: 'lock_1' }, /LOCK_PEERS: expected NODE_ID@HOST:PORT/],
    [{ REDIS_PORT: 'six' }, /REDIS_PORT: expected a port number/],
    [{ REDIS_URL: 'redis://:hidden-password#/@127.0.0.1:1' }, /REDIS_URL: expected redis:\/\//],
    [
      { REDIS_URL: 'redis://:hidden-password@127.0.0.1:1' },
      /Redis at 127\.0\.0\.1:1 does not answer: .*REFUSED/,
    ],
  ])('says what is wrong with %j', async (variables, message) => {
    const [lock, queue, cache] = await Promise.all([freePort(), freePort(), freePort()]);
    const peers = {
      LOCK_PEERS: `lock_1@localhost:${lock}`,
      QUEUE_PEERS: `queue_1@localhost:${queue}`,
      CACHE_PEERS: `cache_1@localhost:${cache}`,
    };
    const env = { PATH: process.env.PATH, REDIS_URL: '', ...peers, ...variables };
    const starter = new Child('npm start', spawn(process.execPath, ['scripts/start.mjs'], { env }));
    expect(await starter.exited).toBe(1);
    expect(starter.output).toMatch(message);
    expect(starter.output).not.toContain('hidden-password');
  });
});
