import { Injectable } from '@nestjs/common';
import { CacheNames } from './cache-names.js';
import { Instances } from './instances.js';
import { addCounts, describeCache, dueCaches, sweepEntries } from './scripts/cache.commands.js';

/** Caches as such in Redis: their names, configuration, size, counters, and what is to be swept. */
@Injectable()
export class CachesStore {
  readonly describe;
  readonly addCounts;
  readonly sweep;
  readonly due;

  /** Known to all nodes: for listings. */
  readonly names;

  constructor(instances: Instances, names: CacheNames) {
    this.names = names;
    this.describe = instances.ofCache(describeCache);
    this.addCounts = instances.ofCache(addCounts);
    this.sweep = instances.ofCache(sweepEntries);
    this.due = instances.ofShard(dueCaches);
  }
}
