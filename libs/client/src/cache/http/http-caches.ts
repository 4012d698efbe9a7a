import type { Caches, Cluster } from '@syncline/contracts';
import { Transport, type TransportOptions } from '../../transport/transport.js';
import type { CachePort, CachesPort } from '../cache-port.js';
import { HttpCache } from './http-cache.js';

/** The caches, at the cache nodes. */
export class HttpCaches implements CachesPort {
  private readonly transport: Transport;

  constructor(options: TransportOptions) {
    this.transport = new Transport(options);
  }

  cache(name: string): CachePort {
    return new HttpCache(this.transport, name);
  }

  list(): AsyncGenerator<Caches['caches'][number], void, void> {
    return this.transport.list('/v1/caches', 'caches');
  }

  cluster(): Promise<Cluster> {
    return this.transport.cluster();
  }

  close(): Promise<void> {
    return this.transport.close();
  }
}
