import type { Holder, KeptSession } from '@syncline/contracts';
import { defineScript } from '@syncline/redis';
import { decodeOwner, encodeOwner } from '../../lease/lease.js';
import { HINT_CHANNELS, resourceName, shardPrefix } from '../lease.keys.js';
import { readHolders } from './replies.js';

interface InShard {
  readonly shard: number;
  readonly sessionId: string;
}
const keys = ({ shard }: InShard) => [shardPrefix(shard)];
const args = ({ sessionId }: InShard) => [HINT_CHANNELS, sessionId];
const script = (name: string) => new URL(`./${name}.lua`, import.meta.url);

/** A session in one shard. `endsAt`: ms of Redis' clock. */
export interface StoredSession {
  readonly ttlMs: number;
  readonly owner: string;
  readonly endsAt: number;
}

/** Opens a session. Returns when it ends, ms. */
export const createSession = defineScript({
  file: script('session_create'),
  keys,
  args: (input: InShard & { ttlMs: number; owner: string; metadata: object | null }) => [
    ...args(input),
    input.ttlMs,
    encodeOwner(input.owner),
    input.metadata === null ? '-' : JSON.stringify(input.metadata),
  ],
  decode: (reply) => reply as number,
});

export interface StoredKeep extends StoredSession {
  /** How many leases it holds. */
  readonly leases: number;
  readonly lost: KeptSession['lost'];
}

/** Starts the time of a session anew. Null: it is gone. */
export const keepSession = defineScript({
  file: script('session_keep'),
  keys,
  args,
  decode: (reply): StoredKeep | null => {
    if (reply === null) return null;
    const [ttlMs, owner, endsAt, leases, lost] = reply as [string, string, string, number, string[]];
    return {
      ttlMs: Number(ttlMs),
      owner: decodeOwner(owner),
      endsAt: Number(endsAt),
      leases,
      lost: lost.map((each) => {
        const [key = '', fencingToken = ''] = each.split(' ');
        return { name: resourceName(key), fencingToken };
      }),
    };
  },
});

/** Shows a session and its leases. Null: it is gone. */
export const showSession = defineScript({
  file: script('session_show'),
  keys,
  args: (input: InShard & { most: number }) => [...args(input), input.most],
  decode: (reply): (StoredSession & { metadata: string; leases: Holder[] }) | null => {
    if (reply === null) return null;
    const [ttlMs, owner, endsAt, metadata, leases] = reply as [string, string, string, string, string[]];
    return {
      ttlMs: Number(ttlMs),
      owner: decodeOwner(owner),
      endsAt: Number(endsAt),
      metadata,
      leases: readHolders(leases),
    };
  },
});

/** Ends a session with everything in it. `more`: it holds more than one call ends. */
export const endSession = defineScript({
  file: script('session_end'),
  keys,
  args,
  decode: (reply): 'ended' | 'gone' | 'more' => (reply === 0 ? 'gone' : reply === 1 ? 'ended' : 'more'),
});
