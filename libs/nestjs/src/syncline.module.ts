import { type DynamicModule, Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { CacheClient, LockClient, QueueClient, Syncline } from '@syncline/client';
import { CLIENT_PROVIDERS } from './clients.js';
import { FeatureModule, featureProviders, type SynclineFeatures } from './features.js';
import { SynclineHealthIndicator } from './health-indicator.js';
import { ConfigurableModuleClass } from './module-definition.js';
import { Scheduler } from './scheduler.js';
import { Workers } from './workers.js';

/**
 * Makes `LockClient`, `QueueClient` and `CacheClient` injectable everywhere, each when it is configured: by the URLs of its
 * nodes, or by a Redis for engines in this process, and `Syncline` with all of them. Runs the methods that are decorated with
 * `@Worker` or `@Scheduled`.
 *
 * Import it once, in the root module: `forRoot(options)` or `forRootAsync({ imports, inject, useFactory })`.
 */
@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [...CLIENT_PROVIDERS, Workers, Scheduler, SynclineHealthIndicator],
  exports: [Syncline, LockClient, QueueClient, CacheClient, SynclineHealthIndicator],
})
export class SynclineModule extends ConfigurableModuleClass {
  /** For the modules that use them: queues and caches to inject by `@InjectQueue(name)` and `@InjectCache(name)`. */
  static forFeature(features: SynclineFeatures): DynamicModule {
    const providers = featureProviders(features);
    return { module: FeatureModule, providers, exports: providers.map(({ provide }) => provide) };
  }
}
