import { eventually } from './eventually.js';
import { RedisServer } from './redis-server.js';

const SLOTS = 16_384;
const MASTERS = 3;

/** A Redis Cluster of three masters on this machine, all slots covered. */
export class RedisCluster {
  private constructor(readonly servers: readonly RedisServer[]) {}

  static async start(): Promise<RedisCluster> {
    const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'];
    const servers = await Promise.all(Array.from({ length: MASTERS }, () => RedisServer.start({ args })));
    const clients = servers.map((server) => server.connect());
    try {
      const first = servers[0]?.port ?? 0;
      for (const [i, client] of clients.entries()) {
        const from = Math.floor((SLOTS / MASTERS) * i);
        const to = Math.floor((SLOTS / MASTERS) * (i + 1)) - 1;
        await client.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
        await client.call('CLUSTER', 'ADDSLOTSRANGE', from, to);
        if (i > 0) await client.call('CLUSTER', 'MEET', '127.0.0.1', first);
      }
      await eventually(async () => {
        for (const client of clients) {
          const info = String(await client.call('CLUSTER', 'INFO'));
          if (!/cluster_state:ok/.test(info) || !info.includes(`cluster_known_nodes:${MASTERS}`)) {
            throw new Error(`The Redis Cluster did not form:\n${info}`);
          }
        }
      }, 15_000);
    } finally {
      for (const client of clients) client.disconnect();
    }
    return new RedisCluster(servers);
  }

  /** What `REDIS_URL` takes: all nodes, comma-separated. */
  get url(): string {
    return this.servers.map((server) => server.url).join(',');
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
