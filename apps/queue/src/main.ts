import { startNode } from '@syncline/http';
import { QueueModule } from './queue.module.js';

await startNode({ role: 'queue', module: QueueModule });
