import { eventually } from './eventually.js';
import { RedisServer } from './redis-server.js';
import { TcpProxy } from './tcp-proxy.js';

export interface RedisReplicationOptions {
  /** Default: 1. */
  readonly replicas?: number;
}

/** A server, and the cable on which it follows the primary while it is a replica. */
export interface Follower {
  readonly server: RedisServer;
  readonly cable: TcpProxy;
}

/** A primary with replicas behind one address, as a managed Redis has. A test fails over by hand. */
export class RedisReplication {
  private constructor(
    /** Leads clients to the primary. */
    readonly address: TcpProxy,
    private first: Follower,
    private others: readonly Follower[],
  ) {}

  static async start({ replicas = 1 }: RedisReplicationOptions = {}): Promise<RedisReplication> {
    const args = ['--repl-diskless-sync-delay', '0'];
    const servers = await Promise.all(
      Array.from({ length: 1 + replicas }, () => RedisServer.start({ args })),
    );
    const port = servers[0]?.port ?? 0;
    const [primary, ...others] = await Promise.all(
      servers.map(async (server) => ({ server, cable: await TcpProxy.start(port) })),
    );
    const made = new RedisReplication(await TcpProxy.start(port), primary as Follower, others);
    await made.follow();
    return made;
  }

  get url(): string {
    return this.address.url;
  }

  get primary(): RedisServer {
    return this.first.server;
  }

  get replicas(): readonly Follower[] {
    return this.others;
  }

  /** Offset up to which a server has what its primary wrote. */
  async offsetOf(server: RedisServer): Promise<number> {
    const info = await run(server, (redis) => redis.info('replication'));
    const field = /^role:master/m.test(info) ? 'master_repl_offset' : 'slave_repl_offset';
    return Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(info)?.[1]);
  }

  /**
   * Kills the primary and makes a replica of it the primary. The address leads to it from then on; all others follow it, the
   * killed one as an empty replica. Cables that were held are whole again.
   *
   * @param chosen default: the best replica, which has most of what the primary wrote
   */
  async failover(chosen?: Follower): Promise<void> {
    const killed = this.first;
    await killed.server.kill();
    const next = chosen ?? (await this.best());
    for (const { cable } of this.others) {
      cable.drop('requests', 'replies');
      cable.leadTo(next.server.port);
    }
    await run(next.server, (redis) => redis.call('REPLICAOF', 'NO', 'ONE'));
    this.others = [...this.others.filter((each) => each !== next), killed];
    this.first = next;
    killed.cable.leadTo(next.server.port);
    this.address.leadTo(next.server.port);
    this.address.cut();
    await killed.server.restart();
    for (const { cable } of this.others) cable.heal();
    await this.follow();
  }

  async stop(): Promise<void> {
    const all = [this.first, ...this.others];
    await this.address.stop();
    await Promise.all(all.map(({ cable }) => cable.stop()));
    await Promise.all(all.map(({ server }) => server.stop()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  private async best(): Promise<Follower> {
    const offsets = await Promise.all(this.others.map(({ server }) => this.offsetOf(server)));
    return this.others[offsets.indexOf(Math.max(...offsets))] as Follower;
  }

  /** Makes all others replicas. Resolves when they have all that the primary has. */
  private async follow(): Promise<void> {
    await Promise.all(
      this.others.map(async ({ server, cable }) => {
        const { port } = new URL(cable.url);
        await run(server, (redis) => redis.call('REPLICAOF', '127.0.0.1', port));
        await eventually(async () => {
          const info = await run(server, (redis) => redis.info('replication'));
          if (!/^master_link_status:up/m.test(info))
            throw new Error('A replica does not follow its primary.');
        });
      }),
    );
  }
}

async function run<T>(
  server: RedisServer,
  commands: (redis: ReturnType<RedisServer['connect']>) => Promise<T>,
) {
  const redis = server.connect();
  try {
    return await commands(redis);
  } finally {
    redis.disconnect();
  }
}
