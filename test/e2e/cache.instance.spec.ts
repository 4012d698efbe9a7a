import { mkdtemp, readdir, readFile, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, NodeProcess, RedisServer } from '@syncline/testing';

/** A Redis that syncs every write, as it is started each time, and a node of it. */
class Machine {
  private constructor(
    readonly folder: string,
    readonly redis: RedisServer,
    readonly node: NodeProcess,
  ) {}

  static async start(settings: Record<string, string>): Promise<Machine> {
    const folder = await mkdtemp(join(tmpdir(), 'syncline-life-'));
    const args = ['--dir', folder, '--appendfsync', 'always'];
    const redis = await RedisServer.start({ durable: true, args });
    const client = redis.connect();
    for (const [name, value] of Object.entries(settings)) await client.config('SET', name, value);
    client.disconnect();
    const node = await NodeProcess.start('cache', { redisUrl: redis.url, nodeId: 'cache_1' });
    return new Machine(folder, redis, node);
  }

  private get url(): string {
    return `${this.node.url}/v1/caches/c/entries/k`;
  }

  async put(body: string): Promise<void> {
    expect((await fetch(this.url, { method: 'PUT', body })).ok).toBe(true);
  }

  /** Not from the near cache, which serves under its lease for a moment after Redis died. */
  async get(): Promise<string> {
    const response = await fetch(this.url, { headers: { 'Cache-Control': 'no-cache' } });
    const text = await response.text();
    return response.status === 200 ? text : `${response.status}`;
  }

  private async log(): Promise<string> {
    const logs = join(this.folder, 'appendonlydir');
    const names = (await readdir(logs)).filter((name) => name.endsWith('.incr.aof'));
    return join(logs, names.at(-1) ?? '');
  }

  /** Stores `kept` and then `lost`, both acknowledged; the power is cut, and the last of it had not reached the disk. */
  async losePower(kept: string, lost: string): Promise<void> {
    await this.put(kept);
    const log = await this.log();
    await eventually(async () => expect(await readFile(log, 'latin1')).toContain(kept));
    const { size } = await stat(log);
    await this.put(lost);
    expect(await this.get()).toBe(lost);
    await this.redis.kill();
    await truncate(log, size);
    await this.redis.restart();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node.stop();
    await this.redis.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

const settled = (machine: Machine) =>
  eventually(async () => {
    const answer = await machine.get();
    expect(answer).not.toBe('503');
    return answer;
  }, 10_000);

describe('a cache after a power cut', () => {
  it('serves nothing of a Redis that did not sync each write, though it does now', async () => {
    await using machine = await Machine.start({ appendfsync: 'everysec' });
    await machine.losePower('first-value', 'second-value');
    expect(await settled(machine)).toBe('404');
  }, 40_000);

  it('serves nothing of a Redis that did not sync while it rewrote its log', async () => {
    await using machine = await Machine.start({ 'no-appendfsync-on-rewrite': 'yes' });
    await machine.losePower('first-value', 'second-value');
    expect(await settled(machine)).toBe('404');
  }, 40_000);

  it('serves nothing of a Redis that was told at run time not to sync each write any more', async () => {
    await using machine = await Machine.start({});
    await machine.put('before');
    const client = machine.redis.connect();
    await client.config('SET', 'appendfsync', 'everysec');
    await eventually(
      async () => expect(await client.hget('syncline:{caches}:instance-3:facts', 'durable')).toBe('0'),
      20_000,
    );
    client.disconnect();
    await machine.losePower('first-value', 'second-value');
    expect(await settled(machine)).toBe('404');
  }, 60_000);

  it('serves what was stored in a Redis that synced each write, after each of its restarts', async () => {
    await using machine = await Machine.start({});
    await machine.put('value');
    for (let i = 0; i < 2; i += 1) {
      await machine.redis.kill();
      await machine.redis.restart();
      expect(await settled(machine)).toBe('value');
    }
  }, 40_000);

  it('serves nothing of a replica that was made the primary', async () => {
    await using machine = await Machine.start({});
    await machine.put('value');
    await using replica = await RedisServer.start({
      durable: true,
      args: ['--appendfsync', 'always', '--replicaof', `127.0.0.1 ${machine.redis.port}`],
    });
    const client = replica.connect();
    await eventually(async () => {
      expect(await client.info('replication')).toContain('master_link_status:up');
      expect(await client.exists('syncline:{cache:c}')).toBe(1);
    }, 20_000);
    await client.call('REPLICAOF', 'NO', 'ONE');
    client.disconnect();
    const node = await NodeProcess.start('cache', { redisUrl: replica.url, nodeId: 'cache_2' });
    try {
      expect((await fetch(`${node.url}/v1/caches/c/entries/k`)).status).toBe(404);
    } finally {
      await node.stop();
    }
  }, 40_000);
});
