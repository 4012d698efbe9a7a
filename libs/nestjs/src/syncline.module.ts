import { Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { CacheClient, LockClient, QueueClient } from '@syncline/client';
import { CLIENT_PROVIDERS } from './clients.js';
import { ConfigurableModuleClass } from './module-definition.js';
import { Workers } from './workers.js';

/**
 * Makes `LockClient`, `QueueClient` and `CacheClient` injectable everywhere, each when it is configured: by the URLs of its
 * nodes, or by a Redis for engines in this process. Runs the methods that are decorated with `@Worker`.
 *
 * Import it once, in the root module: `forRoot(options)` or `forRootAsync({ imports, inject, useFactory })`.
 */
@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [...CLIENT_PROVIDERS, Workers],
  exports: [LockClient, QueueClient, CacheClient],
})
export class SynclineModule extends ConfigurableModuleClass {}
