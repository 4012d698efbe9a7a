import type { Caches, Cluster } from '@syncline/contracts';
import { Transport, type TransportOptions } from '../transport/transport.js';
import { Cache, type CacheOptions } from './cache.js';

/** Caches, through the cache nodes. */
export class CacheClient implements AsyncDisposable {
  private readonly transport: Transport;

  constructor(options: TransportOptions) {
    this.transport = new Transport(options);
  }

  /** A cache by its name. Keep the object: the calls to one object travel together. */
  cache<Value = unknown>(name: string, options: CacheOptions<Value> = {}): Cache<Value> {
    return new Cache<Value>(this.transport, name, options);
  }

  /** All caches with their configuration and statistics, page by page. */
  async *list(): AsyncGenerator<Caches['caches'][number], void, void> {
    let cursor: string | null = null;
    do {
      const query = new URLSearchParams(cursor === null ? {} : { cursor });
      const page: Caches = await this.transport.json({
        method: 'GET',
        path: `/v1/caches?${query}`,
        idempotent: true,
      });
      yield* page.caches;
      cursor = page.cursor;
    } while (cursor !== null);
  }

  /** The cache nodes, as Redis has them now. */
  cluster(): Promise<Cluster> {
    return this.transport.json({ method: 'GET', path: '/v1/cluster', idempotent: true });
  }

  /** Ends all connections. */
  close(): Promise<void> {
    return this.transport.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
