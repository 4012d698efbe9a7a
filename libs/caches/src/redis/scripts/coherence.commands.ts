import { cacheKey, placeOf } from '../caches.keys.js';
import type { Operation } from '../operations.js';
import { registerFrom } from '../registers.js';
import { library, type OfPart, type OfShard, ofEntry, ofPart, ofShard } from './library.js';

/** Who must acknowledge, with its renewals as they were. */
export type Sharers = readonly (readonly [incarnation: string, renewals: string])[];

/** The invalidation of a register at all who may hold it. */
export interface Round {
  /** As Redis names it. */
  readonly register: string;
  readonly round: string;
  readonly sharers: Sharers;
}

export interface StuckRound extends Round {
  readonly cache: string;
}

/** Lets a new incarnation hold entries. */
export const join = library.command({
  name: 'join',
  ...ofShard,
  args: ({ incarnation }: OfShard & { incarnation: string }) => [incarnation],
  decode: () => undefined,
});

/** Takes an incarnation that holds nothing any more off the living. */
export const leave = library.command({
  name: 'leave',
  ...ofShard,
  args: ({ incarnation }: OfShard & { incarnation: string }) => [incarnation],
  decode: () => undefined,
});

/** An entry that left a near cache, and the fill that had brought it. */
export interface EvictedEntry {
  readonly cache: string;
  readonly key: string;
  readonly fill: number;
}

/** Renews an incarnation. Null: fenced. */
export const renew = library.command({
  name: 'renew',
  ...ofShard,
  args: (
    input: OfShard & {
      incarnation: string;
      seen: number;
      stuckAfterMs: number;
      evicted: readonly EvictedEntry[];
    },
  ) => [
    input.incarnation,
    input.seen,
    input.stuckAfterMs,
    ...input.evicted.flatMap(({ cache, key, fill }) => [cacheKey(input.shard.key, cache), key, fill]),
  ],
  decode: (reply) => {
    const [alive, first, missed, stuck, version] = reply as [
      number,
      number,
      [stem: string, register: string][],
      [stem: string, register: string, round: string, Sharers][],
      string,
    ];
    if (alive === 0) return null;
    return {
      first,
      /** No version was larger. */
      version,
      missed: missed.map(([stem, register]) => ({
        cache: placeOf(stem).cache,
        register: registerFrom(register),
      })),
      stuck: stuck.map(
        ([stem, register, round, sharers]): StuckRound => ({
          cache: placeOf(stem).cache,
          register,
          round,
          sharers,
        }),
      ),
    };
  },
});

/** False: fenced. */
export const acknowledge = library.command({
  name: 'acknowledge',
  ...ofShard,
  args: ({ incarnation, seen }: OfShard & { incarnation: string; seen: number }) => [incarnation, seen],
  decode: (reply) => reply === 1,
});

/** Ends a round whose waiting time is over. */
export const force = library.command({
  name: 'force',
  ...ofPart,
  args: ({ register, round, sharers }: OfPart & Round) => [register, round, ...sharers.flat()],
  decode: (reply) => reply === 1,
});

/** Outcomes of writes, in the order of the ids; an empty list for one that is still pending. */
export const outcomes = library.command({
  name: 'outcomes',
  ...ofPart,
  args: ({ ids }: OfPart & { ids: readonly string[] }) => [...ids],
  decode: (reply) => reply as string[][],
});

/** `unmade`: nothing was done, since the write would make a part of a cache that it may not make. */
export type Prepared =
  | { readonly state: 'done'; readonly outcome: readonly string[] }
  | { readonly state: 'pending'; readonly round: Round }
  | { readonly state: 'unmade' };

/** An operation, and who sends it. */
export interface Write {
  readonly id: string;
  readonly node: string;
  readonly incarnation: string;
  /** Number of the last fill of the sender. */
  readonly lastFill: number;
  /** The caller chose the id: the same id again is the same write. */
  readonly remembered: boolean;
  /** It may make the part: one that needs no configuration of another part, or has it. */
  readonly makes: boolean;
  readonly operation: Operation<unknown>;
}

const write = {
  ...ofPart,
  keys: (input: OfPart & Write) => {
    const { key } = input.operation;
    return key === null ? ofPart.keys(input) : ofEntry.keys({ ...input, key });
  },
  args: ({ operation: { register, args }, ...input }: OfPart & Write) => [
    input.id,
    input.node,
    input.incarnation,
    input.lastFill,
    input.remembered ? '1' : '0',
    input.makes ? '1' : '0',
    register,
    ...args,
  ],
  decode: (reply: unknown, { operation: { register } }: OfPart & Write): Prepared => {
    const [state, ...rest] = reply as [Prepared['state'], ...string[]];
    if (state === 'done') return { state, outcome: rest };
    if (state === 'unmade') return { state };
    const [round, sharers] = rest as unknown as [string, Sharers];
    return { state, round: { register, round, sharers } };
  },
};

/** Does an operation, or records that it is to be done when all sharers have acknowledged. Not while Redis is full. */
export const store = library.command({ ...write, name: 'store' });

/** The same for operations that make nothing grow: they are done while Redis is full, too. */
export const change = library.command({ ...write, name: 'change' });
