import { workerData } from 'node:worker_threads';
import { standIn } from '@syncline/client/ports';
import { LoneExtender } from '@syncline/queues/lone-extender';
import type { RedisAccess } from '@syncline/redis';

const extender = new LoneExtender(workerData as RedisAccess);
standIn((...call) => extender.extend(...call));
