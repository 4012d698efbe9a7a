import { startNode } from '@syncline/http';
import { lockApp } from './lock.app.js';

await startNode(lockApp);
