import { defineScript } from '@syncline/redis';
import { HINT_CHANNELS, shardPrefix } from '../lease.keys.js';
import type { Operation } from './operations.js';
import { readCycle, readGrant, readShown, type TakeUpReply } from './replies.js';

interface InShard {
  readonly shard: number;
}
const keys = ({ shard }: InShard) => [shardPrefix(shard)];
const script = (name: string) => new URL(`./${name}.lua`, import.meta.url);

/** Names one request that this node holds. */
export interface Held extends InShard {
  readonly run: string;
  readonly id: string;
  readonly claim: string;
}

const operations = (name: string) =>
  defineScript({
    file: script(name),
    keys,
    args: (input: InShard & { run: string; operations: readonly Operation<unknown>[] }) => [
      HINT_CHANNELS,
      input.run,
      ...input.operations.flatMap(({ kind, fields }) => [kind, fields.length, ...fields]),
    ],
    decode: (reply) => reply as unknown[],
  });

/** Runs operations one after the other; returns their replies, for each to read its own. Refused whole by a full Redis. */
export const operate = operations('operate');
/** What of it can be done while Redis is full. */
export const operateFull = operations('operate_full');

/** Takes up what a request was served with; with `leaving`, leaves the queue when there is nothing yet. */
export const takeUp = defineScript({
  file: script('take_up'),
  keys,
  args: (input: Held & { leaving: boolean }) => [
    HINT_CHANNELS,
    input.run,
    input.id,
    input.claim,
    input.leaving ? '1' : '0',
  ],
  decode: (reply, input): TakeUpReply => {
    const [outcome = '', ...rest] = reply as string[];
    if (outcome === 'granted') {
      return { outcome, leases: readGrant(input.id, rest) };
    }
    if (outcome.startsWith('deadlock:')) {
      return { outcome: 'deadlock', cycle: readCycle(JSON.parse(outcome.slice(9))) };
    }
    if (outcome.startsWith('limit:')) return { outcome: 'limit', limit: Number(outcome.slice(6)) };
    return { outcome: outcome as 'waiting' | 'left' | 'lost' | 'session' };
  },
});

/** Gives up a request whose caller is gone; `returns`: it may come back, and then finds its place. */
export const withdraw = defineScript({
  file: script('withdraw'),
  keys,
  args: (input: Held & { returns: boolean }) => [
    HINT_CHANNELS,
    input.run,
    input.id,
    input.claim,
    input.returns ? '1' : '0',
  ],
  decode: () => undefined,
});

/** Shows one lock or semaphore as it is now. */
export const inspect = defineScript({
  file: script('inspect'),
  keys,
  args: (input: InShard & { key: string; most: number }) => [HINT_CHANNELS, input.key, input.most],
  decode: (reply) => readShown(reply),
});

/** Shows a page of what is held or awaited. `last`: the last key looked at, null when these were all. */
export const list = defineScript({
  file: script('list'),
  keys,
  args: (input: InShard & { from: string; to: string; limit: number; most: number; mostBytes: number }) => [
    HINT_CHANNELS,
    input.from,
    input.to,
    input.limit,
    input.most,
    input.mostBytes,
  ],
  decode: (reply) => {
    const [last, ...shown] = reply as [string, ...unknown[]];
    return { last: last === '' ? null : last, shown: shown.map(readShown) };
  },
});

/** Says that a node lives, fetches the word left for it, ends what is over. */
export const beat = defineScript({
  file: script('beat'),
  keys,
  args: (input: InShard & { run: string }) => [HINT_CHANNELS, input.run],
  decode: (reply) => {
    const [held, nextMs, words] = reply as [number, number, string[]];
    const ids = words.filter((_, i) => i % 2 === 0);
    return { held, nextEndMs: nextMs < 0 ? null : nextMs, ids };
  },
});

/** Ids of the requests that Redis has for a node. */
export const heldByNode = defineScript({
  file: script('held_by_node'),
  keys,
  args: (input: InShard & { run: string }) => [input.run],
  decode: (reply) => reply as string[],
});

/** Ends the wait of a request that is the youngest of a circle. Null: it is not. */
export const findDeadlock = defineScript({
  file: script('deadlock'),
  keys,
  args: (input: InShard & { run: string; id: string }) => [HINT_CHANNELS, input.run, input.id],
  decode: (reply) => (reply === null ? null : readCycle(reply as string[])),
});

/** Configures the limit of a semaphore. */
export const resize = defineScript({
  file: script('resize'),
  keys,
  args: (input: InShard & { key: string; limit: number; most: number }) => [
    HINT_CHANNELS,
    input.key,
    input.limit,
    input.most,
  ],
  decode: (reply) => readShown(reply),
});

/** Takes a name away from its holders. `more`: there are others left. */
export const revoke = defineScript({
  file: script('revoke'),
  keys,
  args: (input: InShard & { key: string; reason: string; nodeId: string }) => [
    HINT_CHANNELS,
    input.key,
    input.reason,
    input.nodeId,
  ],
  decode: (reply) => {
    const [more, ...leaseIds] = reply as string[];
    return { more: more === '1', leaseIds };
  },
});
