import type { NodeApp } from '@syncline/http';
import { AppModule } from './app.module.js';
import { rawEntryBody } from './entries/raw-body.js';

export const cacheApp: NodeApp = {
  role: 'cache',
  module: (config) => AppModule.forRoot(config),
  configure: (app) => app.use(rawEntryBody),
};
