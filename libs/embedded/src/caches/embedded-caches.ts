import { CachesService } from '@syncline/caches';
import { type CachePort, type CachesPort, itemsOf } from '@syncline/client/ports';
import { type Caches, type Cluster, checked, listCachesQuerySchema } from '@syncline/contracts';
import type { Engine } from '../engine/engine.js';
import { EmbeddedCache } from './embedded-cache.js';

/** The cache engine of this process. */
export class EmbeddedCaches implements CachesPort {
  private readonly caches: CachesService;

  constructor(private readonly engine: Engine) {
    this.caches = engine.get(CachesService);
  }

  cache(name: string): CachePort {
    return new EmbeddedCache(this.engine, name);
  }

  list(): AsyncGenerator<Caches['caches'][number], void, void> {
    return itemsOf('caches', (from) =>
      this.engine.calls.call(() => this.caches.list(checked(listCachesQuerySchema, from, 'query'))),
    );
  }

  cluster(): Promise<Cluster> {
    return this.engine.describeCluster();
  }

  close(): Promise<void> {
    return this.engine.close();
  }
}
