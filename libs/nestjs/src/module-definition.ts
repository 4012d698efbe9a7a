import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { SynclineOptions } from '@syncline/client';

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<SynclineOptions>({ moduleName: 'Syncline' })
    .setClassMethodName('forRoot')
    .build();
