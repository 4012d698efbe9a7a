import { Inject, Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { RedisWatch } from '@syncline/cluster';
import { REDIS, type RedisClient, whenReady } from '@syncline/redis';

/** Terminus indicator: up while Redis answers PING and is suitable. */
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
      if (this.redis.status !== 'ready') await whenReady(this.redis);
      await this.redis.ping();
      const { obstacle } = this.watch;
      return obstacle === null ? check.up() : check.down({ message: obstacle });
    } catch (error) {
      return check.down({ message: error instanceof Error ? error.message : String(error) });
    }
  }
}
