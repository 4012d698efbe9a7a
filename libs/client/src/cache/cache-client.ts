import type { Caches, Cluster } from '@syncline/contracts';
import { Transport, type TransportOptions } from '../transport/transport.js';
import { Cache, type CacheOptions } from './cache.js';
import { SharedLoads } from './shared-loads.js';

/** Caches, through the cache nodes. */
export class CacheClient implements AsyncDisposable {
  private readonly transport: Transport;
  private readonly sharedLoads = new SharedLoads();

  constructor(options: TransportOptions) {
    this.transport = new Transport(options);
  }

  /** A cache by its name. Keep the object: only the calls of one object are sent together. */
  cache<Value = unknown>(name: string, options: CacheOptions<Value> = {}): Cache<Value> {
    return new Cache<Value>(this.transport, this.sharedLoads, name, options);
  }

  /** All caches with their configuration and statistics, page by page. */
  list(): AsyncGenerator<Caches['caches'][number], void, void> {
    return this.transport.list('/v1/caches', 'caches');
  }

  /** The cache nodes, as Redis lists them now. */
  cluster(): Promise<Cluster> {
    return this.transport.cluster();
  }

  /** Ends all connections. */
  close(): Promise<void> {
    return this.transport.close();
  }

  /** For `await using`: as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
