import { join } from 'node:path';
import { type Client, credentials, type GrpcObject, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { Http } from '../../harness/index.js';
import type { Locker, Peer } from '../locker.js';

const LEASE_SECONDS = 600;

interface Etcd {
  grant(ttlSeconds: number): Promise<string>;
  lock(name: string, lease: string): Promise<() => Promise<unknown>>;
  stop(): Promise<void> | void;
}

/** A lock of etcd is a key under a lease: callers that share a lease share the lock, so each has a lease of its own. */
function locker(etcd: Etcd): Locker {
  const leases = new Map<number, Promise<string>>();
  return {
    lock: async (name, worker) => {
      const lease = leases.get(worker) ?? etcd.grant(LEASE_SECONDS);
      leases.set(worker, lease);
      return etcd.lock(name, await lease);
    },
    stop: () => etcd.stop(),
  };
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

export const etcdJson: Peer = {
  name: 'etcd 3.4, JSON gateway',
  open: async (stage) => {
    const { address } = await stage.service('etcd');
    const http = new Http();
    const call = <T>(path: string, body: unknown) => http.post<T>(`http://${address}/v3/${path}`, body);
    return locker({
      grant: async (TTL) => (await call<{ ID: string }>('lease/grant', { TTL })).ID,
      lock: async (name, lease) => {
        const { key } = await call<{ key: string }>('lock/lock', { name: base64(name), lease });
        return () => call('lock/unlock', { key });
      },
      stop: () => http.stop(),
    });
  },
};

/** What of etcd's interface is used here. */
const PROTOS = ['etcd-lease.proto', 'etcd-lock.proto'].map((file) => join(import.meta.dirname, file));

type Method = (request: object, answer: (error: Error | null, answer: unknown) => void) => void;

const call = <T>(client: Client, method: string, request: object): Promise<T> =>
  new Promise((resolve, reject) => {
    (client as unknown as Record<string, Method>)[method]?.(request, (error, answer) => {
      if (error) reject(error);
      else resolve(answer as T);
    });
  });

export const etcdGrpc: Peer = {
  name: 'etcd 3.4, gRPC',
  open: async (stage) => {
    const { address } = await stage.service('etcd');
    const { etcdserverpb, v3lockpb } = loadPackageDefinition(
      loadSync(PROTOS, { longs: String }),
    ) as unknown as Record<'etcdserverpb' | 'v3lockpb', GrpcObject>;
    const connect = (service: unknown) =>
      new (service as new (...args: unknown[]) => Client)(address, credentials.createInsecure());
    const [leases, locks] = [connect(etcdserverpb.Lease), connect(v3lockpb.Lock)];
    return locker({
      grant: async (TTL) => (await call<{ ID: string }>(leases, 'LeaseGrant', { TTL })).ID,
      lock: async (name, lease) => {
        const { key } = await call<{ key: Buffer }>(locks, 'Lock', { name: Buffer.from(name), lease });
        return () => call(locks, 'Unlock', { key });
      },
      stop: () => {
        leases.close();
        locks.close();
      },
    });
  },
};
