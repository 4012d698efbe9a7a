import type { SynclineOptions } from '@syncline/client';
import type { EmbedOptions } from '@syncline/client/ports';

/** Where entries are kept. Give all handlers and all replicas of an application the same. */
export interface NextCacheOptions {
  /**
   * A Redis, as for `embed(...)` of `@syncline/embedded`, which then has to be installed; or the nodes, as for
   * `new Syncline(...)`: `{ redis: 'redis://localhost:6379' }`, or `{ cache: ['http://localhost:8007'] }`.
   */
  readonly syncline: EmbedOptions | SynclineOptions;
  /** Name of the cache. Each application needs one of its own. Default `next`. */
  readonly name?: string;
}
