import type { NodeApp } from '@syncline/http';
import { AppModule } from './app.module.js';

export const cacheApp: NodeApp = { role: 'cache', module: (config) => AppModule.forRoot(config) };
