import { defineScript } from '@syncline/redis';
import { cacheKey, cacheOf, keysOfCache as keys, SHARED_KEY } from '../caches.keys.js';
import type { Operation } from '../operations.js';
import { type Register, registerFrom } from '../registers.js';

/** What every script of a cache is given: the cache, and the life of Redis that the node believes in. */
export interface InLife {
  readonly cache: string;
  readonly life: string | null;
}

/** What scripts are given that concern all caches of a node: there are near caches only where there is a life. */
export interface OfNode {
  readonly life: string;
}

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

const file = (name: string) => new URL(`./${name}.lua`, import.meta.url);
const life = ({ life: id }: { readonly life: string | null }) => id;
const ofNode = { keys: () => [SHARED_KEY], life };

const pairs = (flat: readonly string[]): Sharers =>
  Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i] ?? '', flat[2 * i + 1] ?? ''] as const);

/** Lets a new incarnation hold entries. */
export const join = defineScript({
  file: file('join'),
  ...ofNode,
  args: ({ incarnation }: OfNode & { incarnation: string }) => [incarnation],
  decode: () => undefined,
});

/** Takes an incarnation that holds nothing any more off the living. */
export const leave = defineScript({
  file: file('leave'),
  ...ofNode,
  args: ({ incarnation }: OfNode & { incarnation: string }) => [incarnation],
  decode: () => undefined,
});

/** An entry that left a near cache, and the fill that had brought it. */
export interface EvictedEntry {
  readonly cache: string;
  readonly key: string;
  readonly fill: number;
}

/** Renews an incarnation. Null: fenced. */
export const renew = defineScript({
  file: file('renew'),
  ...ofNode,
  args: (
    input: OfNode & {
      incarnation: string;
      seen: number;
      stuckAfterMs: number;
      evicted: readonly EvictedEntry[];
    },
  ) => [
    input.incarnation,
    input.seen,
    input.stuckAfterMs,
    ...input.evicted.flatMap(({ cache, key, fill }) => [cacheKey(cache), key, fill]),
  ],
  decode: (reply) => {
    const [alive, first, flat, stuck] = reply as [number, number, string[], unknown[]];
    if (alive === 0) return null;
    const missed = pairs(flat).map(([stem, register]): { cache: string; register: Register } => ({
      cache: cacheOf(stem),
      register: registerFrom(register),
    }));
    const rounds: StuckRound[] = [];
    for (let i = 0; i < stuck.length; i += 4) {
      const [stem, register, round, sharers] = stuck.slice(i, i + 4) as [string, string, string, string[]];
      rounds.push({ cache: cacheOf(stem), register, round, sharers: pairs(sharers) });
    }
    return { first, missed, stuck: rounds };
  },
});

/** False: fenced. */
export const acknowledge = defineScript({
  file: file('acknowledge'),
  ...ofNode,
  args: ({ incarnation, seen }: OfNode & { incarnation: string; seen: number }) => [incarnation, seen],
  decode: (reply) => reply === 1,
});

/** Ends a round whose waiting time is over. */
export const force = defineScript({
  file: file('force'),
  keys,
  life,
  args: ({ register, round, sharers }: InLife & Round) => [register, round, ...sharers.flat()],
  decode: (reply) => reply === 1,
});

/** Outcomes of writes, in the order of the ids; an empty list for one that is still pending. */
export const outcomes = defineScript({
  file: file('results'),
  keys,
  life,
  args: ({ ids }: InLife & { ids: readonly string[] }) => [...ids],
  decode: (reply) => reply as string[][],
});

/** `unnamed`: nothing was done, since the write would make a cache whose name is not on the list yet. */
export type Prepared =
  | { readonly state: 'done'; readonly outcome: readonly string[] }
  | { readonly state: 'pending'; readonly round: Round }
  | { readonly state: 'unnamed' };

/** An operation, and who sends it. */
export interface Write {
  readonly id: string;
  readonly node: string;
  readonly incarnation: string;
  /** Number of the last fill of the sender. */
  readonly lastFill: number;
  /** The caller chose the id: the same id again is the same write. */
  readonly remembered: boolean;
  /** The name of the cache is on the list of names. */
  readonly named: boolean;
  readonly operation: Operation<unknown>;
}

const write = {
  keys,
  life,
  args: ({ operation: { register, args }, ...input }: InLife & Write) => [
    input.id,
    input.node,
    input.incarnation,
    input.lastFill,
    input.remembered ? '1' : '0',
    input.named ? '1' : '0',
    register,
    ...args,
  ],
  decode: (reply: unknown, { operation: { register } }: InLife & Write): Prepared => {
    const [state, ...rest] = reply as [Prepared['state'], ...string[]];
    if (state === 'done') return { state, outcome: rest };
    if (state === 'unnamed') return { state };
    const [round, sharers] = rest as unknown as [string, string[]];
    return { state, round: { register, round, sharers: pairs(sharers) } };
  },
};

/** Does an operation, or records that it is to be done when all sharers have acknowledged. Not while Redis is full. */
export const store = defineScript({ ...write, file: file('write') });

/** The same for operations that make nothing grow: they are done while Redis is full, too. */
export const change = defineScript({ ...write, file: file('change') });
