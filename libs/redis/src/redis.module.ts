import {
  type DynamicModule,
  Global,
  Inject,
  Logger,
  Module,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { commandConnection, type RedisClient } from './connection/connection.js';
import { Commits } from './durability/commits.js';
import { REDIS, REDIS_OPTIONS, type RedisModuleOptions } from './redis.token.js';
import { refusalOfUser } from './store-unavailable.js';

/** The connection of a node to Redis: opened at boot, reconnected when it breaks, closed last. */
@Global()
@Module({})
export class RedisModule implements OnApplicationShutdown {
  private readonly logger = new Logger('Redis');

  constructor(@Inject(REDIS) private readonly redis: RedisClient) {
    let away = false;
    redis.on('ready', () => {
      if (away) this.logger.log('Redis is back');
      away = false;
    });
    // Without a listener ioredis prints every failed attempt; one line for each outage is enough.
    redis.on('error', (error: Error) => {
      if (!away)
        this.logger.warn(
          `Redis ${refusalOfUser(error) ? 'refuses the user' : 'cannot be reached'}: ${error.message}`,
        );
      away = true;
    });
    // The first attempt may fail: ioredis retries, and the readiness check reports it.
    redis.connect().catch(() => {});
  }

  static forRoot(options: RedisModuleOptions): DynamicModule {
    return {
      module: RedisModule,
      providers: [
        { provide: REDIS_OPTIONS, useValue: options },
        { provide: REDIS, useFactory: () => commandConnection(options, options.connectionName) },
        Commits,
      ],
      exports: [REDIS, REDIS_OPTIONS, Commits],
    };
  }

  onApplicationShutdown(): void {
    this.redis.disconnect();
  }
}
