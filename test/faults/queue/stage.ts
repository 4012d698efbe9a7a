import type { Redis } from 'ioredis';
import { auditQueue } from '../../stages/queue-audit.js';
import { FaultCluster } from '../core/fault-cluster.js';
import type { RunOptions, RunReport } from '../core/suite.js';
import { type Answer, call, type Message } from './client.js';

/** What a scenario plays with: one queue through some nodes, and a list of what turned out to be wrong. */
export interface Stage {
  readonly cluster: FaultCluster;
  readonly redis: Redis;
  readonly queue: string;
  put(configuration: object): Promise<Answer>;
  send(...messages: object[]): Promise<Answer>;
  receive(options?: object, queue?: string): Promise<Message[]>;
  end(kind: 'ack' | 'nack' | 'extend', receipts: readonly string[], extra?: object): Promise<string[]>;
  stats(queue?: string): Promise<Record<string, number>>;
  /** A call of one message by its id. */
  byId(method: 'GET' | 'PATCH' | 'DELETE', id: string, body?: object): Promise<Answer>;
  expect(holds: boolean, otherwise: string): void;
}

/** Played on nodes of its own, or on given ones with a queue of that name. */
export interface Scenario {
  run(options: RunOptions): Promise<RunReport>;
  on(cluster: FaultCluster, queue: string): Promise<string[]>;
}

/**
 * A short play of one rule. The whole data of the queue is audited at its end; a call that
 * fails counts as a violation too.
 */
export function scenario(nodes: number, play: (stage: Stage) => Promise<void>): Scenario {
  const on = async (cluster: FaultCluster, queue: string) => {
    const redis = cluster.redis.connect();
    const violations: string[] = [];
    const url = (i = 0) => cluster.sites[i % cluster.sites.length]?.node.url ?? '';
    let next = 0;
    const post = async (path: string, body: object) => {
      next += 1;
      return call(url(next), 'POST', path, body, 10_000);
    };
    const stage: Stage = {
      cluster,
      redis,
      queue,
      put: (configuration) => call(url(), 'PUT', queue, configuration),
      send: (...messages) => post(`${queue}/messages`, { messages }),
      receive: async (options = {}, from = queue) =>
        ((await post(`${from}/receive`, options)).body.messages as Message[] | undefined) ?? [],
      end: async (kind, receipts, extra = {}) => {
        const { body } = await post(`${queue}/${kind}`, { receipts, ...extra });
        return (body.results as { status: string }[]).map(({ status }) => status);
      },
      stats: async (of = queue) => (await call(url(), 'GET', of)).body.stats as Record<string, number>,
      byId: (method, id, body) => call(url(), method, `${queue}/messages/${id}`, body, 10_000),
      expect: (holds, otherwise) => {
        if (!holds) violations.push(otherwise);
      },
    };
    try {
      await play(stage);
      violations.push(...(await auditQueue(redis, queue)), ...(await auditQueue(redis, `${queue}.dead`)));
    } catch (error) {
      violations.push(`failed: ${String(error)}`);
    } finally {
      redis.disconnect();
    }
    return violations;
  };
  const run = async ({ dist }: RunOptions): Promise<RunReport> => {
    await using cluster = await FaultCluster.start('queue', { nodes, dist });
    return { violations: await on(cluster, 'stage'), counts: {} };
  };
  return { run, on };
}
