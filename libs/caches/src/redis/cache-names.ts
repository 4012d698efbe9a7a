import { Inject, Injectable } from '@nestjs/common';
import { Names, REDIS, type RedisClient } from '@syncline/redis';
import { namesKey, sharedKey } from './caches.keys.js';
import { Shards } from './shards.js';

/** The names of all caches, in each shard that has a part of them: the script that makes a part lists it. */
@Injectable()
export class CacheNames extends Names {
  constructor(@Inject(REDIS) redis: RedisClient, { all }: Shards) {
    const parts = all.map(({ key }) => namesKey(key));
    super(redis, { parts, former: redis.isCluster ? namesKey(sharedKey(null)) : null });
  }
}
