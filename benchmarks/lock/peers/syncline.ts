import { LockClient } from '@syncline/client';
import { Http } from '../../harness/index.js';
import { type Peer, TTL_MS } from '../locker.js';

/** As a user has it: our client, which knows all the nodes. What it asks for in one turn travels together. */
export const syncline = (nodes: number): Peer => ({
  name: `Syncline, ${nodes} node${nodes > 1 ? 's' : ''}`,
  open: async (stage, waits) => {
    const client = new LockClient({ urls: await stage.nodes('lock', nodes) });
    const options = waits ? { waitMs: TTL_MS } : {};
    return {
      lock: async (name) => {
        const lease = await client.acquire(name, options);
        return () => lease.release();
      },
      stop: () => client.close(),
    };
  },
});

/** Without our client: each acquisition and each release is a request of its own, each worker has a node of its own. */
export const singleRequests = (nodes: number): Peer => ({
  name: `Syncline, ${nodes} nodes, single requests`,
  open: async (stage, waits) => {
    const urls = await stage.nodes('lock', nodes);
    const http = new Http();
    return {
      lock: async (name, worker) => {
        const path = `${urls[worker % urls.length]}/v1/locks/${name}`;
        const body = { owner: `worker-${worker}`, ttlMs: TTL_MS, waitMs: waits ? TTL_MS : 0 };
        const { leaseId } = await http.post<{ leaseId: string }>(`${path}/acquire`, body);
        return () => http.post(`${path}/release`, { leaseId });
      },
      stop: () => http.stop(),
    };
  },
});
