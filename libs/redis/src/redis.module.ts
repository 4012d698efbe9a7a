import {
  type DynamicModule,
  Global,
  Inject,
  Logger,
  Module,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { commandConnection, type RedisClient } from './connection/connection.js';
import { REDIS, REDIS_OPTIONS, type RedisModuleOptions } from './redis.token.js';
import { refusalOfUser } from './store-unavailable.js';

/** The node's connection to Redis: made at boot, kept up for ever, closed last of all. */
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
    // Without a listener ioredis prints every failed attempt; one line an outage is enough.
    redis.on('error', (error: Error) => {
      if (!away)
        this.logger.warn(`Redis ${refusalOfUser(error) ? 'refuses the user' : 'is away'}: ${error.message}`);
      away = true;
    });
    // The first attempt may fail: ioredis goes on by itself, and readiness tells.
    redis.connect().catch(() => {});
  }

  static forRoot(options: RedisModuleOptions): DynamicModule {
    return {
      module: RedisModule,
      providers: [
        { provide: REDIS_OPTIONS, useValue: options },
        { provide: REDIS, useFactory: () => commandConnection(options, options.connectionName) },
      ],
      exports: [REDIS, REDIS_OPTIONS],
    };
  }

  onApplicationShutdown(): void {
    this.redis.disconnect();
  }
}
