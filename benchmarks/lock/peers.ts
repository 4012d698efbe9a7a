import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Mutex } from 'redis-semaphore';
import Redlock from 'redlock';
import type { Stage } from '../harness/index.js';

const TTL_MS = 30_000;
/** Retry delay of the libraries, which have no queue: short, so that they need not wait long. */
const RETRY_MS = 5;

/** Something that locks by name. `lock` returns how to unlock; it waits until the name is free. */
export interface Locker {
  lock(name: string, worker: number): Promise<() => Promise<void>>;
  stop(): Promise<void>;
}

export interface Peer {
  readonly name: string;
  open(stage: Stage): Promise<Locker>;
}

/** POST of JSON over connections that stay open. */
class Http {
  private readonly agent = new Agent({ keepAlive: true });

  post<T>(url: string, body: unknown): Promise<T> {
    const text = JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) };
      const sent = request(url, { method: 'POST', agent: this.agent, headers }, (response) => {
        let answer = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          answer += chunk;
        });
        response.on('end', () => {
          if (response.statusCode === 200) resolve(JSON.parse(answer));
          else reject(new Error(`${url} answered ${response.statusCode}: ${answer}`));
        });
      });
      sent.on('error', reject);
      sent.end(text);
    });
  }

  stop(): void {
    this.agent.destroy();
  }
}

const syncline = (nodes: number): Peer => ({
  name: `Syncline, ${nodes} node${nodes > 1 ? 's' : ''}`,
  open: async (stage) => {
    const urls = await stage.nodes('lock', nodes);
    const http = new Http();
    return {
      lock: async (name, worker) => {
        const path = `${urls[worker % urls.length]}/v1/locks/${name}`;
        const body = { owner: `worker-${worker}`, ttlMs: TTL_MS, waitMs: TTL_MS };
        const { leaseId } = await http.post<{ leaseId: string }>(`${path}/acquire`, body);
        return async () => {
          await http.post(`${path}/release`, { leaseId });
        };
      },
      stop: async () => http.stop(),
    };
  },
});

const redlock: Peer = {
  name: 'redlock 4.2',
  open: async (stage) => {
    const redis = new Redis((await stage.redis()).url, { enableAutoPipelining: true });
    const locks = new Redlock([redis], { retryCount: -1, retryDelay: RETRY_MS, retryJitter: RETRY_MS });
    return {
      lock: async (name) => {
        const lock = await locks.lock(name, TTL_MS);
        return () => lock.unlock();
      },
      stop: async () => redis.disconnect(),
    };
  },
};

const redisSemaphore: Peer = {
  name: 'redis-semaphore 5.8',
  open: async (stage) => {
    const redis = new Redis((await stage.redis()).url, { enableAutoPipelining: true });
    const options = {
      lockTimeout: TTL_MS,
      acquireTimeout: TTL_MS,
      retryInterval: RETRY_MS,
      refreshInterval: 0,
    };
    return {
      lock: async (name) => {
        const mutex = new Mutex(redis, name, options);
        await mutex.acquire();
        return () => mutex.release();
      },
      stop: async () => redis.disconnect(),
    };
  },
};

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** etcd's lock service through its JSON gateway: a lease, a lock, an unlock. */
const etcd: Peer = {
  name: 'etcd 3.4, JSON gateway',
  open: async (stage) => {
    const { address } = await stage.service('etcd');
    const http = new Http();
    const call = <T>(path: string, body: unknown) => http.post<T>(`http://${address}/v3/${path}`, body);
    const leases = new Map<number, Promise<{ ID: string }>>();
    return {
      lock: async (name, worker) => {
        const lease = leases.get(worker) ?? call<{ ID: string }>('lease/grant', { TTL: 600 });
        leases.set(worker, lease);
        const { ID } = await lease;
        const { key } = await call<{ key: string }>('lock/lock', { name: base64(name), lease: ID });
        return async () => {
          await call('lock/unlock', { key });
        };
      },
      stop: async () => http.stop(),
    };
  },
};

/** Everybody who can be compared. The first one is what the others are compared with. */
export const PEERS: readonly Peer[] = [syncline(3), syncline(1), redlock, redisSemaphore, etcd];

/** Holds a lock for a while: by turns of the event loop below a millisecond. */
export const hold = (ms: number): Promise<void> | void => (ms > 0 ? sleep(ms) : undefined);

export const CAVEATS = [
  'redlock and redis-semaphore talk to Redis directly from the one client process: no service, no HTTP, no fencing token, no queue. They retry every 5 ms.',
  'A cycle of Syncline is two HTTP requests, answered by processes that share two cores with Redis and the client.',
  'etcd writes every step to disk (fsync); Redis writes its append-only file each second.',
];
