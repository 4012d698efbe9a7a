import { Inject, Injectable } from '@nestjs/common';
import { REDIS, type RedisClient } from '@syncline/redis';
import { nodeChannel, roleChannel } from './cluster.keys.js';
import { CLUSTER_OPTIONS, type ClusterOptions } from './cluster.options.js';

/**
 * Sends hints to the other nodes of this role, in the packet format of Nest's Redis transport. A script that
 * changes state publishes its own hints in the same step; this is for what a node finds out by itself.
 *
 * A hint may be lost: whoever listens for it needs a bounded fallback.
 */
@Injectable()
export class NodeMessages {
  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    @Inject(CLUSTER_OPTIONS) private readonly options: ClusterOptions,
  ) {}

  /** Tells every node of the role, this one too. */
  toRole(pattern: string, data: unknown): void {
    this.publish(roleChannel(this.options.role, pattern), pattern, data);
  }

  /** Tells one node of the role. */
  toNode(nodeId: string, pattern: string, data: unknown): void {
    this.publish(nodeChannel(this.options.role, pattern, nodeId), pattern, data);
  }

  private publish(channel: string, pattern: string, data: unknown): void {
    // Not reported when Redis is away: the outage has its own line, and the fallback does without the hint.
    this.redis.publish(channel, JSON.stringify({ pattern, data })).catch(() => {});
  }
}
