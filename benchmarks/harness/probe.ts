import type { NodeProcess, RedisServer } from '@syncline/testing';
import type { Redis } from 'ioredis';

/** What a Redis, the nodes and this process, which is the client of all, used so far. */
interface Usage {
  readonly clientCpuUs: number;
  readonly redisCpuUs: number;
  readonly redisCommands: number;
  readonly nodesCpuUs: number;
}

const field = (info: string, name: string): number =>
  Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1] ?? Number.NaN);

async function redisUsage(redis: Redis): Promise<Pick<Usage, 'redisCpuUs' | 'redisCommands'>> {
  const info = await redis.info('all');
  return {
    redisCpuUs: (field(info, 'used_cpu_user_main_thread') + field(info, 'used_cpu_sys_main_thread')) * 1e6,
    redisCommands: field(info, 'total_commands_processed'),
  };
}

async function nodeCpuUs(node: NodeProcess): Promise<number> {
  const metrics = await (await fetch(`${node.url}/metrics`)).text();
  return Number(/^process_cpu_seconds_total (\S+)/m.exec(metrics)?.[1] ?? Number.NaN) * 1e6;
}

/** Measures what a contestant costs its client, its Redis and its nodes, per operation. */
export class Probe {
  private readonly connections: Redis[];

  constructor(
    servers: readonly RedisServer[],
    private readonly nodes: readonly NodeProcess[],
  ) {
    this.connections = servers.map((server) => server.connect());
  }

  async read(): Promise<Usage> {
    const redis = await Promise.all(this.connections.map(redisUsage));
    const nodes = await Promise.all(this.nodes.map(nodeCpuUs));
    const client = process.cpuUsage();
    return {
      clientCpuUs: client.user + client.system,
      redisCpuUs: redis.reduce((sum, each) => sum + each.redisCpuUs, 0),
      redisCommands: redis.reduce((sum, each) => sum + each.redisCommands, 0),
      nodesCpuUs: nodes.reduce((sum, each) => sum + each, 0),
    };
  }

  /** Figures per operation since `before`; scripts' inner commands count as commands. */
  async since(before: Usage, operations: number): Promise<Record<string, number>> {
    const now = await this.read();
    const figures: Record<string, number> = {
      'client CPU, us/op': (now.clientCpuUs - before.clientCpuUs) / operations,
    };
    if (this.connections.length > 0) {
      figures['Redis CPU, us/op'] = (now.redisCpuUs - before.redisCpuUs) / operations;
      figures['Redis commands/op'] = (now.redisCommands - before.redisCommands) / operations;
    }
    if (this.nodes.length > 0)
      figures['nodes CPU, us/op'] = (now.nodesCpuUs - before.nodesCpuUs) / operations;
    return figures;
  }

  close(): void {
    for (const connection of this.connections) connection.disconnect();
  }
}
