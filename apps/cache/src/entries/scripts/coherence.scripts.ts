import { defineScript } from '@syncline/redis';
import { cacheKey } from '../entries.keys.js';

/** What every script of a cache is given: the cache, and the life of Redis that the node believes in. */
export interface InLife {
  readonly cache: string;
  readonly life: string | null;
}

/** Who must acknowledge, with its renewals as they were. */
export type Sharers = readonly (readonly [incarnation: string, renewals: string])[];

export interface StuckRound {
  readonly register: string;
  readonly round: string;
  readonly sharers: Sharers;
}

const file = (name: string) => new URL(`./${name}.lua`, import.meta.url);
const keys = ({ cache }: InLife) => [cacheKey(cache)];
const life = ({ life: id }: InLife) => id;

const pairs = (flat: readonly string[]): Sharers =>
  Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i] ?? '', flat[2 * i + 1] ?? ''] as const);

/** Lets a new incarnation hold entries. Replies with the configured bytes of its near cache, '' for the default. */
export const join = defineScript({
  file: file('join'),
  keys,
  life,
  args: ({ incarnation }: InLife & { incarnation: string }) => [incarnation],
  decode: String,
});

/** Takes an incarnation that holds nothing any more off the living. */
export const leave = defineScript({
  file: file('leave'),
  keys,
  life,
  args: ({ incarnation }: InLife & { incarnation: string }) => [incarnation],
  decode: () => undefined,
});

/** Renews an incarnation. Null: fenced. */
export const renew = defineScript({
  file: file('renew'),
  keys,
  life,
  args: (
    input: InLife & {
      incarnation: string;
      seen: number;
      stuckAfterMs: number;
      givenUp: readonly (readonly [string, number])[];
    },
  ) => [input.incarnation, input.seen, input.stuckAfterMs, ...input.givenUp.flat()],
  decode: (reply) => {
    const [alive, first, registers, nearBytes, stuck] = reply as [
      number,
      number,
      string[],
      string,
      unknown[],
    ];
    if (alive === 0) return null;
    const rounds: StuckRound[] = [];
    for (let i = 0; i < stuck.length; i += 3) {
      const [register, round, sharers] = stuck.slice(i, i + 3) as [string, string, string[]];
      rounds.push({ register, round, sharers: pairs(sharers) });
    }
    return { first, registers, nearBytes, stuck: rounds };
  },
});

/** False: fenced. */
export const acknowledge = defineScript({
  file: file('acknowledge'),
  keys,
  life,
  args: ({ incarnation, seen }: InLife & { incarnation: string; seen: number }) => [incarnation, seen],
  decode: (reply) => reply === 1,
});

/** Ends a round whose waiting time is over. */
export const force = defineScript({
  file: file('force'),
  keys,
  life,
  args: ({ register, round, sharers }: InLife & StuckRound) => [register, round, ...sharers.flat()],
  decode: (reply) => reply === 1,
});

/** Results of pending writes, in the order of the ids; an empty list for one that is still pending. */
export const results = defineScript({
  file: file('results'),
  keys,
  life,
  args: ({ ids }: InLife & { ids: readonly string[] }) => [...ids],
  decode: (reply) => reply as string[][],
});

export type Prepared =
  | { readonly result: readonly string[] }
  | { readonly round: string; readonly sharers: Sharers };

/** Does a write, or records it for when all sharers have acknowledged. */
export const prepare = defineScript({
  file: file('prepare'),
  keys,
  life,
  args: (
    input: InLife & {
      id: string;
      node: string;
      incarnation: string;
      lastFill: number;
      /** The caller chose the id: the same id again is the same write. */
      remembered: boolean;
      register: string;
      operation: readonly (string | number | Buffer)[];
    },
  ) => [
    input.id,
    input.node,
    input.incarnation,
    input.lastFill,
    input.remembered ? '1' : '0',
    input.register,
    ...input.operation,
  ],
  decode: (reply): Prepared => {
    const [state = '', ...rest] = reply as string[];
    if (state === 'done') return { result: rest };
    const [round = '', ...sharers] = rest;
    return { round, sharers: pairs(sharers) };
  },
});
