import type { Holder, KeptSession } from '@syncline/contracts';
import { nextPage, type PageStart } from '@syncline/redis';
import { resourceName } from '../../lease/resource.js';
import { decodeMetadata, decodeOwner, encodeMetadata, encodeOwner, readHolders } from '../lease-record.js';
import { grantingCommand, type InShard, lockCommand, type MayGrant } from './lock-command.js';

interface InSession extends InShard {
  readonly sessionId: string;
}

/** A session in one shard. `endsAt`: ms of Redis' clock. */
export interface StoredSession {
  readonly ttlMs: number;
  readonly owner: string;
  readonly endsAt: number;
}

/** Opens a session. Returns when it ends, ms. */
export const createSession = lockCommand(
  'session-create',
  ({
    sessionId,
    ttlMs,
    owner,
    metadata,
  }: InSession & { ttlMs: number; owner: string; metadata: object | null }) => [
    sessionId,
    ttlMs,
    encodeOwner(owner, sessionId),
    encodeMetadata(metadata),
  ],
  (reply) => reply as number,
);

export interface StoredKeepAlive extends StoredSession {
  /** How many leases it holds. */
  readonly leases: number;
  readonly lost: KeptSession['lost'];
  /** As Redis keeps it. */
  readonly metadata: string;
}

/** Keeps a session alive for its whole length. Null: it is gone. */
export const keepSession = lockCommand(
  'session-keep',
  ({ sessionId }: InSession) => [sessionId],
  (reply): StoredKeepAlive | null => {
    if (reply === null) return null;
    const [ttlMs, owner, endsAt, leases, lost, metadata] = reply as [
      string,
      string,
      string,
      number,
      string[],
      string,
    ];
    return {
      ttlMs: Number(ttlMs),
      owner: decodeOwner(owner),
      endsAt: Number(endsAt),
      leases,
      metadata,
      lost: lost.map((each) => {
        const [key = '', fencingToken = ''] = each.split(' ');
        return { name: resourceName(key), fencingToken };
      }),
    };
  },
);

export interface ShownSession extends StoredSession {
  readonly metadata: Record<string, never> | null;
  readonly leases: Holder[];
}

/** Shows a session and its leases. Null: it is gone. */
export const showSession = grantingCommand(
  'session-show',
  ({ sessionId, most }: InSession & MayGrant & { most: number }) => [sessionId, most],
  (reply): ShownSession | null => {
    if (reply === null) return null;
    const [ttlMs, owner, endsAt, metadata, leases] = reply as [string, string, string, string, string[]];
    return {
      ttlMs: Number(ttlMs),
      owner: decodeOwner(owner),
      endsAt: Number(endsAt),
      metadata: decodeMetadata(metadata),
      leases: readHolders(leases),
    };
  },
);

export interface ListedSession extends StoredSession {
  readonly sessionId: string;
}

/** `prefix`: of their owners, who are all in the realm. */
export interface SessionsQuery {
  readonly prefix: string;
  readonly realm: string;
  readonly limit: number;
}

/** Lists sessions, in no order. `next`: where the next page begins, null at the end. */
export const listSessions = lockCommand(
  'session-list',
  ({ prefix, realm, step, after, limit }: InShard & PageStart & SessionsQuery) => [
    encodeOwner(prefix, realm),
    step,
    after,
    limit,
  ],
  (reply) => {
    const [step, after, flat] = reply as [string, string, string[]];
    const sessions: ListedSession[] = [];
    for (let i = 0; i < flat.length; i += 4) {
      const [sessionId = '', ttlMs, owner = '', endsAt] = flat.slice(i, i + 4);
      sessions.push({ sessionId, ttlMs: Number(ttlMs), owner: decodeOwner(owner), endsAt: Number(endsAt) });
    }
    return { sessions, next: nextPage(step, after) };
  },
);

/** Ends a session with everything in it. `more`: it holds more than one call ends. */
export const endSession = grantingCommand(
  'session-end',
  ({ sessionId }: InSession & MayGrant) => [sessionId],
  (reply): 'ended' | 'gone' | 'more' => (reply === 0 ? 'gone' : reply === 1 ? 'ended' : 'more'),
);
