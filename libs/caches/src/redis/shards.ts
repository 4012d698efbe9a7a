import { Inject, Injectable } from '@nestjs/common';
import { partOf, REDIS, type RedisClient } from '@syncline/redis';
import { sharedKey } from './caches.keys.js';

/** Shards on a Redis Cluster. Each is one slot; a node has a lease in each that it reads. */
const CLUSTER_SHARDS = 32;

/** What one script can change: all of a single Redis, or one slot of a Redis Cluster. */
export interface Shard {
  readonly index: number;
  /** The stem of what its caches share; on a Redis Cluster its hash tag is that of all keys of the shard. */
  readonly key: string;
}

/** The entries of a cache that lie in one shard, and all that concerns them: on a single Redis the whole cache. */
export interface Part {
  readonly cache: string;
  readonly shard: Shard;
}

/** What belongs to the same part stands together, so that one script may serve it. */
export function byPart<T extends { readonly part: Part }>(
  all: readonly T[],
): (readonly [Part, readonly [T, ...T[]]])[] {
  const groups = new Map<string, [T, ...T[]]>();
  for (const one of all) {
    const id = `${one.part.shard.index} ${one.part.cache}`;
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [one]);
    else group.push(one);
  }
  return [...groups.values()].map((group) => [group[0].part, group]);
}

/** Where caches lie: by names and keys alone, so all nodes agree. */
@Injectable()
export class Shards {
  readonly all: readonly Shard[];

  constructor(@Inject(REDIS) { isCluster }: Pick<RedisClient, 'isCluster'>) {
    this.all = Array.from({ length: isCluster ? CLUSTER_SHARDS : 1 }, (_, index) => ({
      index,
      key: sharedKey(isCluster ? index : null),
    }));
  }

  /** The shard of an entry. */
  of(cache: string, key: string): Shard {
    return this.pick(`${cache} ${key}`);
  }

  /** The part that stands for its cache: it is there when any other is, with the counters and the configuration. */
  home(cache: string): Part {
    return { cache, shard: this.pick(cache) };
  }

  /** All parts of a cache, from its home on. */
  partsOf(cache: string): readonly Part[] {
    const { index } = this.home(cache).shard;
    return [...this.all.slice(index), ...this.all.slice(0, index)].map((shard) => ({ cache, shard }));
  }

  private pick(text: string): Shard {
    const { length } = this.all;
    return this.all[length === 1 ? 0 : partOf(text, length)] as Shard;
  }
}
