import type { NodeApp } from '@syncline/http';
import { AppModule } from './app.module.js';

export const queueApp: NodeApp = { role: 'queue', module: (config) => AppModule.forRoot(config) };
