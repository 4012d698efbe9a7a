import { Controller, Get, Inject } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Membership } from '@syncline/cluster';
import { type NodeState, nodeStateSchema } from '@syncline/contracts';
import { describeRedis, REDIS, type RedisClient } from '@syncline/redis';
import { Drain, EventLoopLag, OpenStreams } from '@syncline/runtime';
import { Does, NO_NAME } from '../access/does.decorator.js';
import { NODE_CONFIG, type NodeConfig } from './node.config.js';

@ApiTags('cluster')
@Controller({ path: 'node', version: '1' })
export class NodeController {
  constructor(
    @Inject(NODE_CONFIG) private readonly config: NodeConfig,
    @Inject(REDIS) private readonly redis: RedisClient,
    private readonly membership: Membership,
    private readonly drain: Drain,
    private readonly lag: EventLoopLag,
    private readonly streams: OpenStreams,
  ) {}

  @Get()
  @Does('read', NO_NAME)
  @ApiOperation({ summary: 'Describe this node: its Redis, its lease, and what waits in it' })
  @ApiOkResponse({ standardSchema: nodeStateSchema })
  async node(): Promise<NodeState> {
    const { nodeId, role } = this.config;
    return {
      ...{ nodeId, role },
      redis: await describeRedis(this.redis, this.config.redis),
      lease: this.membership.leaseMs,
      lag: Math.round(this.lag.ms * 10) / 10,
      parked: this.drain.parked,
      streams: this.streams.count,
    };
  }
}
