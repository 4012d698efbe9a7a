import type { HeldMessage, Outline } from '../../recovery/kept.js';
import { keys } from './call.js';
import { library } from './library.js';

interface Restore {
  readonly queue: string;
  /** Node that runs the timers of the queue. */
  readonly timersNode: string;
  readonly nodeId: string;
  /** Nodes that may know something. */
  readonly members: readonly string[];
  /** Whether these are all. */
  readonly areAll: boolean;
  /** Null: nothing. */
  readonly known: Outline | null;
  readonly ended: readonly number[];
  readonly held: readonly HeldMessage[];
  /** With these all is told. */
  readonly last: boolean;
}

export interface RestoreReply {
  /** Ms until the instance opens at the latest; 0: it is open. */
  readonly leftMs: number;
  /** Empty: there is nothing to tell. */
  readonly opening: string;
  /** Empty: there is no such queue. */
  readonly gen: string;
  /** Seqs that may be told: from the first one that the instance lacks to the first one that was given in it. */
  readonly from: number;
  readonly to: number;
  readonly sentAgain: number;
  readonly lost: number;
}

/** Tells what this node knows of a queue in a new Redis instance: a portion of it. */
export const restore = library.command({
  name: 'restore',
  keys,
  args: ({ known, members, ended, held, ...input }: Restore) => [
    input.nodeId,
    input.last ? '1' : '0',
    input.areAll ? '1' : '0',
    input.timersNode,
    members.length,
    ...members,
    ...(known === null ? [''] : [known.gen, known.seen, known.unheld, known.gone]),
    ended.length,
    ...ended,
    ...held.flatMap(({ seq, ageMs, delayMs, deduplication, tail }) => [
      seq,
      ageMs,
      delayMs,
      deduplication,
      tail,
    ]),
  ],
  decode: (reply): RestoreReply => {
    const [leftMs, opening, gen, from, to, sentAgain, lost] = reply as [
      number,
      string,
      string,
      ...[number, number, number, number],
    ];
    return { leftMs, opening, gen, from, to: to < 0 ? Number.POSITIVE_INFINITY : to, sentAgain, lost };
  },
});
