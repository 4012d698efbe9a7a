import { startNode } from '@syncline/http';
import { queueApp } from './queue.app.js';

await startNode(queueApp);
