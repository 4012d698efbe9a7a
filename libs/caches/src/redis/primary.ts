import { randomUUID } from 'node:crypto';
import { fieldOf, isReplyError, modeOf, storeError } from '@syncline/redis';
import type { Redis } from 'ioredis';

/** A process of Redis, and its time as the primary. */
export interface Primary {
  readonly runId: string;
  /** Another one each time that it becomes a primary; also when its first replica comes, or its last one is long gone. */
  readonly replicationId: string;
  /** It has been the primary since it started, so its data came from its own disk. */
  readonly isFirst: boolean;
  /** Id of the node in its Redis Cluster, which it keeps over restarts; '' where there is none. */
  readonly clusterNode: string;
}

const NONE = /^0*$/;

/** @throws StoreUnavailable */
export async function primaryBehind(connection: Redis): Promise<Primary> {
  try {
    const info = await connection.info('server', 'replication');
    const field = (name: string) => fieldOf(info, name);
    // A replica that is promoted keeps the id of its former primary as the second one.
    const isFirst = field('role') === 'master' && NONE.test(field('master_replid2'));
    const clusterNode = modeOf(info) === 'cluster' ? await clusterNodeBehind(connection) : '';
    return { runId: field('run_id'), replicationId: field('master_replid'), isFirst, clusterNode };
  } catch (error) {
    throw storeError(error);
  }
}

/** A node that may not tell is another one each time. */
async function clusterNodeBehind(connection: Redis): Promise<string> {
  try {
    return String(await connection.call('CLUSTER', 'MYID'));
  } catch (error) {
    if (isReplyError(error)) return randomUUID();
    throw error;
  }
}

/** Whether it is the same process, and was the primary all the time. */
export const isSamePrimary = (before: Primary, now: Primary): boolean =>
  before.runId === now.runId && (before.replicationId === now.replicationId || now.isFirst);

/** True when Redis answers a write only after it is on disk. A Redis that does not tell is taken for one that does not. */
export async function syncsAlways(connection: Redis): Promise<boolean> {
  try {
    const flat = (await connection.config(
      'GET',
      'appendfsync',
      'appendonly',
      'no-appendfsync-on-rewrite',
    )) as string[];
    const settings = Object.fromEntries(
      flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1]]] : [])),
    );
    return (
      settings.appendfsync === 'always' &&
      settings.appendonly === 'yes' &&
      settings['no-appendfsync-on-rewrite'] === 'no'
    );
  } catch {
    return false;
  }
}
