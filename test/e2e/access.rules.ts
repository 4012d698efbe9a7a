import type { Action } from '@syncline/contracts';

/** What each operation of the OpenAPI documents needs, written down apart from the decorators. */
export interface NeededRights {
  readonly actions: readonly Action[];
  /** In the path, or nowhere: then any name will do. */
  readonly name: boolean;
}
const onName = (...actions: Action[]): NeededRights => ({ actions, name: true });
const onAny = (...actions: Action[]): NeededRights => ({ actions, name: false });

/** By operation id. */
export const NEEDED: Readonly<Record<string, NeededRights>> = {
  cluster: onAny('read'),
  owner: onAny('read'),
  openCalls: onAny(),
  audit: onAny('admin'),
  // Locks
  acquireLock: onName('lock'),
  renewLock: onName('lock'),
  releaseLock: onName('lock'),
  verifyToken: onName('read'),
  describeLock: onName('read'),
  watchLock: onName('read'),
  revokeLock: onName('purge'),
  acquirePermits: onName('lock'),
  renewPermits: onName('lock'),
  releasePermits: onName('lock'),
  describeSemaphore: onName('read'),
  resizeSemaphore: onName('configure'),
  revokePermits: onName('purge'),
  listLocks: onAny('read'),
  listWaits: onAny('read'),
  listDeadlocks: onAny('read'),
  listSessions: onAny('read'),
  acquireSet: onAny('lock'),
  renewSet: onAny('lock'),
  releaseSet: onAny('lock'),
  runBatch: onAny('lock'),
  createSession: onAny('lock'),
  keepSession: onAny('lock'),
  describeSession: onAny('read'),
  endSession: onAny('lock'),
  // Queues
  listQueues: onAny('read'),
  putQueue: onName('configure'),
  getQueue: onName('read'),
  deleteQueue: onName('purge'),
  purge: onName('purge'),
  pause: onName('configure'),
  resume: onName('configure'),
  browse: onName('read'),
  showMessage: onName('read'),
  rescheduleMessage: onName('read', 'configure'),
  cancelMessage: onName('purge'),
  watchDeliveries: onName('consume'),
  searchMessages: onName('read'),
  deleteMessages: onName('purge'),
  send: onName('produce'),
  receive: onName('consume'),
  ack: onName('consume'),
  nack: onName('consume'),
  extend: onName('consume'),
  redrive: onName('consume', 'produce'),
  // Caches
  list: onAny('read'),
  describe: onName('read'),
  configure: onName('configure'),
  flush: onName('purge'),
  invalidate: onName('write'),
  listEntries: onName('read'),
  touch: onName('write'),
  mget: onName('read'),
  mset: onName('write'),
  mdelete: onName('write'),
  get: onName('read'),
  put: onName('write'),
  delete: onName('write'),
  increment: onName('read', 'write'),
  fill: onName('read', 'write'),
  renew: onName('write'),
  end: onName('write'),
};

/** Names as they stand in a path, and whether they are names of a key for `mine:*`. Null: not a name at all. */
export const SPELLINGS: readonly (readonly [inPath: string, isMine: boolean | null])[] = [
  ['mine:x', true],
  ['mine%3Ax', true],
  ['%6d%69%6E%65%3a%78', true],
  ['mine:x%2F', true],
  ['mine:..%2Ftheirs:x', true],
  ['mine:__proto__', true],
  ['theirs:x', false],
  ['Mine:x', false],
  ['MINE%3AX', false],
  ['mine', false],
  ['%2Fmine:x', false],
  ['theirs:mine:x', false],
  ['..%2Fmine:x', false],
  ['__proto__', false],
  ['constructor', false],
  ['mine*', null],
  ['%256dine:x', null],
  ['mine%00:x', null],
  ['%20mine:x', null],
  ['m%C4%B1ne:x', null],
  ['%2e%2e', null],
  ['*', null],
];
