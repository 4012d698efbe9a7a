import type { NodeApp } from '@syncline/http';
import { AppModule } from './app.module.js';

export const lockApp: NodeApp = { role: 'lock', module: (config) => AppModule.forRoot(config) };
