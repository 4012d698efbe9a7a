/**
 * The coherence protocol in small: one key, a few nodes, every order of events. Messages may take any time, hints may
 * get lost, a node may stop between any two steps; none of that needs a step of its own, since a step that may
 * happen may also not happen. Time is a counter; a lease and the wait of a writer are both LEASE long.
 */
export const LEASE = 2;

/** How large the world is: every order of events within these bounds is tried. */
export interface Bounds {
  readonly nodes: number;
  readonly writes: number;
  readonly fills: number;
  readonly renewals: number;
  readonly time: number;
}

/** Rules that can be broken on purpose. */
export const RULES = [
  'serve only under a lease',
  'count the lease from the sending',
  'supersede fills of a key that is written',
  'drop what a renewal returns before extending the lease',
  'register the reader before telling the value',
  'keep nothing that is being written',
  'give up the own entry before writing',
  'excuse the writer only for fills it gave up',
  'wait a whole lease before forcing',
  'wait for every sharer',
  'forget everything when fenced',
] as const;
export type Rule = (typeof RULES)[number];
/** Whether a rule is kept. */
export type Holds = (rule: Rule) => boolean;

export interface Fill {
  readonly number: number;
  readonly incarnation: number;
  superseded: boolean;
  /** Null: Redis has not seen it yet. */
  reply: { readonly version: number; readonly cacheable: boolean } | null;
}
export interface Renewal {
  readonly sentAt: number;
  readonly incarnation: number;
  readonly seen: number;
  /** Null: Redis has not seen it yet. */
  reply: { readonly alive: boolean; readonly last: number; readonly missed: number } | null;
}
export interface Write {
  readonly lastFill: number;
  readonly incarnation: number;
  /** Null: Redis has not seen it yet. Else since when it waits, and what it waits for. */
  waiting: { readonly since: number; readonly round: number; readonly renewals: readonly number[] } | null;
}
export interface Node {
  incarnation: number;
  /** Version of the entry in the near cache; null: none. */
  held: number | null;
  leaseUntil: number;
  seen: number;
  fills: number;
  fill: Fill | null;
  renewal: Renewal | null;
  write: Write | null;
}
/** What Redis knows of a node's incarnation. */
export interface Known {
  alive: boolean;
  incarnation: number;
  renewals: number;
  /** Fill number by which it may hold the key; 0: it does not. */
  shares: number;
  /** Rounds of invalidations that it has not acknowledged, oldest first. */
  unacknowledged: number[];
  acked: number;
  /** Numbers of hints that are on their way to it. */
  hints: number[];
}
export interface State {
  time: number;
  version: number;
  /** 0: none runs. */
  round: number;
  rounds: number;
  missing: number[];
  queue: number;
  writes: number;
  renewals: number;
  readonly nodes: Node[];
  readonly known: Known[];
}

export function initial({ nodes }: Bounds): State {
  const range = Array.from({ length: nodes });
  return {
    time: 0,
    version: 0,
    round: 0,
    rounds: 0,
    missing: [],
    queue: 0,
    writes: 0,
    renewals: 0,
    nodes: range.map(() => ({
      incarnation: 1,
      held: null,
      leaseUntil: LEASE,
      seen: 0,
      fills: 0,
      fill: null,
      renewal: null,
      write: null,
    })),
    known: range.map(() => ({
      alive: true,
      incarnation: 1,
      renewals: 0,
      shares: 0,
      unacknowledged: [],
      acked: 0,
      hints: [],
    })),
  };
}
