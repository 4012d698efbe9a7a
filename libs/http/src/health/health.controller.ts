import { Controller, Get, Res, ServiceUnavailableException, VERSION_NEUTRAL } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import { type HealthCheckResult, HealthCheckService, HealthIndicatorService } from '@nestjs/terminus';
import { Drain } from '@syncline/runtime';
import type { Response } from 'express';
import { Open } from '../access/does.decorator.js';
import { ClusterHealth } from './cluster.health.js';
import { RedisHealth } from './redis.health.js';

const NOT_READY_EXAMPLE = {
  status: 'error',
  info: { redis: { status: 'up' } },
  error: { cluster: { status: 'down', message: 'The node has not joined yet.' } },
  details: {
    redis: { status: 'up' },
    cluster: { status: 'down', message: 'The node has not joined yet.' },
  },
};
const LIVE = { status: 'ok' } as const;
const READY_EXAMPLE = {
  status: 'ok',
  info: { redis: { status: 'up' }, cluster: { status: 'up', members: 3, missingPeers: [] } },
  error: {},
  details: { redis: { status: 'up' }, cluster: { status: 'up', members: 3, missingPeers: [] } },
};

@ApiTags('node')
@Open()
@Controller({ path: 'health', version: VERSION_NEUTRAL })
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly redis: RedisHealth,
    private readonly cluster: ClusterHealth,
    private readonly drain: Drain,
    private readonly indicator: HealthIndicatorService,
  ) {}

  @Get('live')
  @ApiOperation({ summary: 'Check that the process is alive' })
  @ApiOkResponse({ schema: { type: 'object', example: LIVE } })
  live(): typeof LIVE {
    return LIVE;
  }

  @Get('ready')
  @ApiOperation({
    summary: 'Check that the node is ready: Redis answers and the node is a member of its cluster',
  })
  @ApiOkResponse({ schema: { type: 'object', example: READY_EXAMPLE } })
  @ApiServiceUnavailableResponse({
    schema: { type: 'object', example: NOT_READY_EXAMPLE },
    description: 'The node is not ready; `error` says why',
  })
  async ready(@Res({ passthrough: true }) response: Response): Promise<HealthCheckResult> {
    try {
      return await this.health.check([
        () => this.redis.check(),
        () => this.cluster.check(),
        () => this.accepting(),
      ]);
    } catch (error) {
      if (!(error instanceof ServiceUnavailableException)) throw error;
      response.status(503);
      return error.getResponse() as HealthCheckResult;
    }
  }

  private accepting() {
    const check = this.indicator.check('accepting');
    return this.drain.draining ? check.down({ message: 'The node is shutting down.' }) : check.up();
  }
}
