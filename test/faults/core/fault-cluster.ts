import type { Role } from '@syncline/contracts';
import { NodeProcess, RedisCluster, RedisServer, TcpProxy } from '@syncline/testing';

export interface FaultClusterOptions {
  readonly nodes?: number;
  /** Folder with the built apps; that of a mutant, or `dist`. */
  readonly dist: string;
  readonly durable?: boolean;
  readonly redisArgs?: readonly string[];
}

/** A node, its proxy to Redis, and its current fault. */
export interface Site {
  node: NodeProcess;
  readonly proxy: TcpProxy;
  readonly redisUrl: string;
  readonly nodeId: string;
  state: 'up' | 'down' | 'frozen';
}

/**
 * Nodes of one role, each behind its own proxy to Redis. On a Redis Cluster the proxies carry what is published alone: nodes
 * send their commands straight to the primaries, wherever these are.
 */
export class FaultCluster<Redis extends RedisServer | RedisCluster = RedisServer> {
  private constructor(
    readonly redis: Redis,
    readonly sites: readonly Site[],
    private readonly role: Role,
    private readonly dist: string,
  ) {}

  static async start(role: Role, options: FaultClusterOptions): Promise<FaultCluster> {
    const { nodes = 3, dist, durable = false, redisArgs = [] } = options;
    const redis = await RedisServer.start({ durable, args: redisArgs });
    const sites = await startSites(role, nodes, dist, redis.port, ({ url }) => url);
    return new FaultCluster(redis, sites, role, dist);
  }

  /** On three primaries, each with a replica. */
  static async startOnCluster(
    role: Role,
    { nodes = 3, dist }: Pick<FaultClusterOptions, 'nodes' | 'dist'>,
  ): Promise<FaultCluster<RedisCluster>> {
    const redis = await RedisCluster.start({ replicas: 1 });
    const [{ port }] = redis.servers as [RedisServer];
    // Several addresses name a Redis Cluster; one is enough to find it, and to hear what is published.
    const sites = await startSites(role, nodes, dist, port, ({ url }) => `${url},${url}`);
    return new FaultCluster(redis, sites, role, dist);
  }

  /** URLs of the nodes that a client may call: frozen and cut-off nodes included, killed ones not. */
  get urls(): string[] {
    return this.sites.filter((site) => site.state !== 'down').map((site) => site.node.url);
  }

  async kill(site: Site): Promise<void> {
    site.state = 'down';
    await site.node.kill();
  }

  /** Restarts a killed node under its old name. */
  async revive(site: Site): Promise<void> {
    site.node = await NodeProcess.start(this.role, {
      redisUrl: site.redisUrl,
      nodeId: site.nodeId,
      dist: this.dist,
      until: 'listening',
    });
    site.state = 'up';
  }

  freeze(site: Site): void {
    site.node.freeze();
    site.state = 'frozen';
  }

  thaw(site: Site): void {
    site.node.thaw();
    site.state = 'up';
  }

  /** Repairs all faults that a scenario left. */
  async mend(): Promise<void> {
    for (const site of this.sites) {
      site.proxy.heal();
      site.proxy.dropMessages = false;
      if (site.state === 'frozen') this.thaw(site);
      if (site.state === 'down') await this.revive(site);
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.sites.map((site) => site.node.kill()));
    await Promise.all(this.sites.map((site) => site.proxy.stop()));
    await this.redis.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function startSites(
  role: Role,
  count: number,
  dist: string,
  redisPort: number,
  urlFor: (proxy: TcpProxy) => string,
): Promise<Site[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, i): Promise<Site> => {
      const nodeId = `${role}_${i + 1}`;
      const proxy = await TcpProxy.start(redisPort);
      const redisUrl = urlFor(proxy);
      const node = await NodeProcess.start(role, { redisUrl, nodeId, dist });
      return { node, proxy, redisUrl, nodeId, state: 'up' };
    }),
  );
}
