import type { Role } from '@syncline/contracts';
import { NodeProcess, RedisServer, TcpProxy } from '@syncline/testing';

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
  readonly nodeId: string;
  state: 'up' | 'down' | 'frozen';
}

/** Nodes of one role on one Redis, each behind its own proxy. */
export class FaultCluster {
  private constructor(
    readonly redis: RedisServer,
    readonly sites: readonly Site[],
    private readonly role: Role,
    private readonly dist: string,
  ) {}

  static async start(role: Role, options: FaultClusterOptions): Promise<FaultCluster> {
    const { nodes = 3, dist, durable = false, redisArgs = [] } = options;
    const redis = await RedisServer.start({ durable, args: redisArgs });
    const sites = await Promise.all(
      Array.from({ length: nodes }, async (_, i): Promise<Site> => {
        const nodeId = `${role}_${i + 1}`;
        const proxy = await TcpProxy.start(redis.port);
        const node = await NodeProcess.start(role, { redisUrl: proxy.url, nodeId, dist });
        return { node, proxy, nodeId, state: 'up' };
      }),
    );
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
      redisUrl: site.proxy.url,
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
