import { startNode } from '@syncline/http';
import { CacheModule } from './cache.module.js';

await startNode({ role: 'cache', module: CacheModule });
