import type { Peer } from '../locker.js';
import { etcdGrpc, etcdJson } from './etcd.js';
import { redisKitLock, redisSemaphore, redlock, redlockUniversal } from './libraries.js';
import { singleRequests, syncline } from './syncline.js';
import { zooKeeper } from './zookeeper.js';

/** Everybody who can be compared. The first one is what the others are compared with. */
export const PEERS: readonly Peer[] = [
  syncline(3),
  syncline(1),
  singleRequests(3),
  redlock,
  redlockUniversal,
  redisSemaphore,
  redisKitLock,
  zooKeeper,
  etcdGrpc,
  etcdJson,
];

export const CAVEATS = [
  'redlock, redlock-universal, redis-semaphore and @redis-kit/lock talk to Redis directly from the one client process, over one connection that gathers commands: no service, no HTTP, no fencing token, no queue. They ask again every 5 ms (5 to 10 with jitter): their own defaults (10 to 300 ms) would leave the lock idle.',
  'Syncline is used through its client, as a user would: renewal in the background, and calls of one turn in one request. Its nodes share two cores with Redis and the client. "Single requests" is the same without our client: two HTTP requests a cycle.',
  'ZooKeeper: the recipe of Curator over one session; its client is node-zookeeper-client. etcd: its lock service, a lease for each worker.',
  'ZooKeeper and etcd write every step to disk (fsync); Redis writes its append-only file each second.',
];
