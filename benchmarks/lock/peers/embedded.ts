import { embed } from '@syncline/embedded';
import { type Peer, TTL_MS } from '../locker.js';

/** As a user has it: our engine in the process of the load, on nothing but Redis. */
export const embedded: Peer = {
  name: 'Syncline, embedded',
  open: async (stage, waits) => {
    const { url: redis } = await stage.redis();
    const syncline = await embed({ redis, roles: ['lock'] });
    const options = waits ? { waitMs: TTL_MS } : {};
    return {
      lock: async (name) => {
        const lease = await syncline.lock.acquire(name, options);
        return () => lease.release();
      },
      stop: () => syncline.close(),
    };
  },
};
