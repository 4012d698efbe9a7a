import { Inject, Module, type Provider } from '@nestjs/common';
import { CacheClient, type CacheOptions, QueueClient } from '@syncline/client';

/** Queues and caches to inject by their names. */
export interface SynclineFeatures {
  readonly queues?: readonly string[];
  /** Names, or names with the options of `CacheClient.cache`, such as a codec. */
  readonly caches?: readonly (string | NamedCache)[];
}

export interface NamedCache extends CacheOptions<unknown> {
  readonly name: string;
}

/** The token of a queue of `forFeature`: for factories, and for tests that replace it. */
export const getQueueToken = (name: string): string => `SynclineQueue ${name}`;

/** The token of a cache of `forFeature`: for factories, and for tests that replace it. */
export const getCacheToken = (name: string): string => `SynclineCache ${name}`;

/** Injects a queue, as `Queue<Body>` of `@syncline/client`. A module has to have it by `SynclineModule.forFeature`. */
export const InjectQueue = (name: string) => Inject(getQueueToken(name));

/** Injects a cache, as `Cache<Value>` of `@syncline/client`. A module has to have it by `SynclineModule.forFeature`. */
export const InjectCache = (name: string) => Inject(getCacheToken(name));

/** Holds the providers of one `forFeature`. */
@Module({})
export class FeatureModule {}

export function featureProviders({ queues = [], caches = [] }: SynclineFeatures) {
  const ofQueues = queues.map((name) => ({
    provide: getQueueToken(name),
    inject: [QueueClient],
    useFactory: (client: QueueClient) => client.queue(name),
  }));
  const ofCaches = caches.map((cache) => {
    const { name, ...options } = typeof cache === 'string' ? { name: cache } : cache;
    return {
      provide: getCacheToken(name),
      inject: [CacheClient],
      useFactory: (client: CacheClient) => client.cache(name, options),
    };
  });
  return [...ofQueues, ...ofCaches] satisfies Provider[];
}
