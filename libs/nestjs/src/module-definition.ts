import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { SynclineOptions } from '@syncline/client';
import type { EmbedOptions } from '@syncline/client/ports';

/** The nodes, as for `new Syncline(...)`; or a Redis, as for `embed(...)` of `@syncline/embedded`, which then has to be installed. */
export type SynclineModuleOptions = SynclineOptions | EmbedOptions;

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<SynclineModuleOptions>({ moduleName: 'Syncline' })
    .setClassMethodName('forRoot')
    .build();
