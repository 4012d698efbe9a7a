import { type CacheClient, type QueueClient, Syncline, type Tracing } from '@syncline/client';
import type { Role } from '@syncline/contracts';
import { embed } from '@syncline/embedded';
import { type NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';

/** The ways to use Syncline. What the client promises holds for both. */
export const WAYS = ['nodes', 'embedded'] as const;
type Way = (typeof WAYS)[number];

/** Options that mean the same for both ways. */
interface ClientOptions {
  readonly releaseOnClose?: boolean;
  readonly tracing?: Tracing;
}

/** A Redis, with two nodes of a role or with none, and clients of it. */
export class Deployment {
  private readonly clients: Syncline[] = [];

  private constructor(
    readonly redis: RedisServer,
    readonly nodes: readonly NodeProcess[],
    private readonly role: Role,
  ) {}

  static async start(way: Way, role: Role): Promise<Deployment> {
    const redis = await RedisServer.start();
    const nodes = way === 'nodes' ? await startNodes(role, 2, { redisUrl: redis.url }) : [];
    return new Deployment(redis, nodes, role);
  }

  /**
   * A client of the nodes, each with another one first, or one with an engine of its own. It is closed by {@link stop}, or
   * before.
   */
  async connect(options: ClientOptions = {}): Promise<Syncline> {
    const { nodes, role, redis } = this;
    const first = this.clients.length % Math.max(nodes.length, 1);
    const urls = [...nodes.slice(first), ...nodes.slice(0, first)].map(({ url }) => url);
    const client =
      nodes.length > 0
        ? new Syncline({ [role]: urls, ...options })
        : await embed({ redis: redis.url, roles: [role], ...options });
    this.clients.push(client);
    return client;
  }

  /** As {@link connect}: the client of the queues. */
  async connectQueues(): Promise<QueueClient> {
    return (await this.connect()).clients.queue as QueueClient;
  }

  /** As {@link connect}: the client of the caches. */
  async connectCaches(): Promise<CacheClient> {
    return (await this.connect()).clients.cache as CacheClient;
  }

  async stop(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()));
    await stopAll(this.nodes);
    await this.redis.stop();
  }
}
