import { Inject, Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { RedisWatch } from '@syncline/cluster';
import { pingPrimaries, REDIS, type RedisClient } from '@syncline/redis';

/** Terminus indicator: up while Redis, each primary of a Cluster, answers PING and is suitable. */
@Injectable()
export class RedisHealth {
  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    private readonly watch: RedisWatch,
    private readonly indicator: HealthIndicatorService,
  ) {}

  async check(): Promise<HealthIndicatorResult<'redis'>> {
    const check = this.indicator.check('redis');
    try {
      await pingPrimaries(this.redis);
      const { obstacle } = this.watch;
      return obstacle === null ? check.up() : check.down({ message: obstacle });
    } catch (error) {
      return check.down({ message: error instanceof Error ? error.message : String(error) });
    }
  }
}
