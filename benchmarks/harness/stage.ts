import { join, relative } from 'node:path';
import type { Role } from '@syncline/contracts';
import { type NodeProcess, RedisCluster, RedisServer, startNodes } from '@syncline/testing';
import { Probe } from './probe.js';
import { Service, type ServiceName } from './services.js';

/**
 * Settings of every Redis, for all contestants: an append-only file that is synced each second, nothing evicted.
 * `RedisServer` adds the rest: no snapshots, loopback, a free port.
 */
export const REDIS_SETTINGS = { durable: true, args: ['--appendfsync', 'everysec'] } as const;

/** What one contestant may start. Each has a Redis of its own, so that what it costs can be told. */
export class Stage {
  private readonly servers: RedisServer[] = [];
  private readonly nodeProcesses: NodeProcess[] = [];
  private readonly services: Service[] = [];

  /** A Redis of this contestant's own. */
  async redis(): Promise<RedisServer> {
    const server = await RedisServer.start(REDIS_SETTINGS);
    this.servers.push(server);
    return server;
  }

  /** A Redis Cluster of three primaries of this contestant's own; without a file, so for what time does not matter to. */
  async cluster(): Promise<RedisCluster> {
    const cluster = await RedisCluster.start();
    this.servers.push(...cluster.servers);
    return cluster;
  }

  /**
   * Nodes of Syncline as they are shipped, by default on a Redis of their own. Returns their URLs.
   *
   * @param checkout path of the checkout that they are built from; default: this one
   * @param env variables of theirs
   */
  async nodes(
    role: Role,
    count: number,
    server?: Pick<RedisServer, 'url'>,
    checkout = '.',
    env: Readonly<Record<string, string>> = {},
  ): Promise<string[]> {
    const redis = server ?? (await this.redis());
    const dist = join(relative('.', checkout), 'dist');
    const nodes = await startNodes(role, count, {
      redisUrl: redis.url,
      dist,
      env: { LOG_LEVEL: 'info', ...env },
    });
    this.nodeProcesses.push(...nodes);
    return nodes.map((node) => node.url);
  }

  /** A peer's server; throws {@link Missing} when it is not installed, which leaves the contestant out. */
  async service(name: ServiceName): Promise<Service> {
    const service = await Service.start(name);
    this.services.push(service);
    return service;
  }

  /** Measures the Redis servers and nodes started so far. */
  probe(): Probe {
    return new Probe(this.servers, this.nodeProcesses);
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodeProcesses.map((node) => node.stop()));
    await Promise.all([...this.services, ...this.servers].map((each) => each.stop()));
  }
}
