import type { Caches, Cluster } from '@syncline/contracts';
import type { Tracing } from '../tracing.js';
import type { TransportOptions } from '../transport/transport.js';
import { Cache, type CacheOptions } from './cache.js';
import type { CachesPort } from './cache-port.js';
import { HttpCaches } from './http/http-caches.js';
import { SharedLoads } from './shared-loads.js';

/** A client over another way to the engine. */
export interface CachePortOptions extends Pick<TransportOptions, 'tracing'> {
  readonly port: CachesPort;
}

/** Caches. */
export class CacheClient implements AsyncDisposable {
  private readonly port: CachesPort;
  private readonly sharedLoads = new SharedLoads();
  private readonly tracing: Tracing | undefined;

  constructor(options: TransportOptions);
  /** @internal */
  constructor(options: TransportOptions | CachePortOptions);
  constructor(options: TransportOptions | CachePortOptions) {
    this.port = 'port' in options ? options.port : new HttpCaches(options);
    this.tracing = options.tracing;
  }

  /** A cache by its name. Keep the object: only the calls of one object are sent together. */
  cache<Value = unknown>(name: string, options: CacheOptions<Value> = {}): Cache<Value> {
    return new Cache<Value>(this.port.cache(name), this.sharedLoads, name, options, this.tracing);
  }

  /** All caches with their configuration and statistics, page by page. */
  list(): AsyncGenerator<Caches['caches'][number], void, void> {
    return this.port.list();
  }

  /** The cache nodes, as Redis lists them now. */
  cluster(): Promise<Cluster> {
    return this.port.cluster();
  }

  /** Ends all connections. */
  close(): Promise<void> {
    return this.port.close();
  }

  /** For `await using`: as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
