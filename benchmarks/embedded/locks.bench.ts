import { benchmark } from '../harness/index.js';
import { uncontended } from '../lock/distinct.bench.js';
import { embedded } from '../lock/peers/embedded.js';
import { redisSemaphore, redlock } from '../lock/peers/libraries.js';

export default benchmark({
  question:
    'How many acquire and release cycles a second, each on a lock of its own, without a service between?',
  unit: 'cycles/s',
  loads: [1, 64],
  contestants: [redisSemaphore, redlock, embedded].map(uncontended),
  caveats: [
    'All in the process of the load, over one connection that gathers commands. redlock and redis-semaphore have no fencing token and no queue.',
  ],
});
