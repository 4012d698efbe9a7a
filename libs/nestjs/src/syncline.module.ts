import { Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { CLIENT_PROVIDERS, Clients } from './clients.js';
import { ConfigurableModuleClass } from './module-definition.js';
import { Workers } from './workers.js';

/**
 * Makes `LockClient`, `QueueClient` and `CacheClient` injectable everywhere, each when the URLs of its nodes are
 * configured, and runs the methods that are decorated with `@Worker`.
 *
 * Import it once, in the root module: `forRoot(options)` or `forRootAsync({ imports, inject, useFactory })`.
 */
@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [Clients, ...CLIENT_PROVIDERS, Workers],
  exports: CLIENT_PROVIDERS.map(({ provide }) => provide),
})
export class SynclineModule extends ConfigurableModuleClass {}
