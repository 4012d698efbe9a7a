import { startNode } from '@syncline/http';
import { cacheApp } from './cache.app.js';

await startNode(cacheApp);
