import { startNode } from '@syncline/http';
import { LockModule } from './lock.module.js';

await startNode({ role: 'lock', module: LockModule });
