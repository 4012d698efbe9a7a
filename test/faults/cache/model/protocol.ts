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
  'poison fills of a key that is written',
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

interface Fill {
  readonly number: number;
  readonly incarnation: number;
  poisoned: boolean;
  /** Null: Redis has not seen it yet. */
  told: { readonly version: number; readonly cacheable: boolean } | null;
}
interface Renewal {
  readonly sentAt: number;
  readonly incarnation: number;
  readonly seen: number;
  /** Null: Redis has not seen it yet. */
  told: { readonly alive: boolean; readonly last: number; readonly missed: number } | null;
}
interface Write {
  readonly lastFill: number;
  readonly incarnation: number;
  /** Null: Redis has not seen it yet. Else since when it waits, and what it waits for. */
  waiting: { readonly since: number; readonly round: number; readonly renewals: readonly number[] } | null;
}
interface Node {
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
interface Known {
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

/** The one thing that must never be: a near cache that could answer with what a write has replaced. */
export function isSafe(state: State, broken?: Rule): boolean {
  const leased = (node: Node) => broken === RULES[0] || state.time < node.leaseUntil;
  return state.nodes.every((node) => node.held === null || !leased(node) || node.held === state.version);
}

type Step = (state: State) => void;

/** Every step that may happen next, each to be tried on a copy of the state. */
export function stepsFrom(state: State, bounds: Bounds, broken?: Rule): { name: string; step: Step }[] {
  const holds = (rule: Rule) => broken !== rule;
  const steps: { name: string; step: Step }[] = [];
  const may = (condition: boolean, name: string, step: Step) => {
    if (condition) steps.push({ name, step });
  };

  may(state.time < bounds.time, 'time passes', (s) => {
    s.time += 1;
  });
  state.nodes.forEach((node, i) => {
    const known = state.known[i] as Known;
    const of = (s: State) => [s.nodes[i] as Node, s.known[i] as Known] as const;

    may(node.fill === null && node.fills < bounds.fills, `${i} sends a fill`, (s) => {
      const [me] = of(s);
      me.fills += 1;
      me.fill = { number: me.fills, incarnation: me.incarnation, poisoned: false, told: null };
    });
    may(node.fill?.told === null, `Redis sees the fill of ${i}`, (s) => {
      const [me, my] = of(s);
      const fill = me.fill as Fill;
      const alive = my.alive && my.incarnation === fill.incarnation;
      const cacheable = alive && (s.round === 0 || !holds('keep nothing that is being written'));
      if (cacheable && holds('register the reader before telling the value')) {
        my.shares = Math.max(my.shares, fill.number);
      }
      fill.told = { version: s.version, cacheable };
    });
    may(node.fill !== null && node.fill.told !== null, `the fill of ${i} lands`, (s) => {
      const [me] = of(s);
      const { told, poisoned, incarnation } = me.fill as Fill;
      me.fill = null;
      const clean = !poisoned || !holds('poison fills of a key that is written');
      if (told?.cacheable && clean && incarnation === me.incarnation) me.held = told.version;
    });

    may(node.write === null && state.writes < bounds.writes, `${i} sends a write`, (s) => {
      const [me] = of(s);
      s.writes += 1;
      if (holds('give up the own entry before writing')) {
        me.held = null;
        if (me.fill !== null) me.fill.poisoned = true;
      }
      me.write = { lastFill: me.fills, incarnation: me.incarnation, waiting: null };
    });
    may(node.write !== null && node.write.waiting === null, `Redis sees the write of ${i}`, (s) => {
      const [me] = of(s);
      prepare(s, i, me.write as Write, holds);
    });
    const waiting = node.write?.waiting ?? null;
    const patience = holds('wait a whole lease before forcing') ? LEASE : LEASE - 1;
    may(waiting !== null && state.time - waiting.since >= patience, `${i} forces its write`, (s) => {
      const { round, renewals } = waiting as NonNullable<typeof waiting>;
      if (s.round !== round) return;
      for (const j of [...s.missing]) {
        const their = s.known[j] as Known;
        if (their.renewals === renewals[j]) bury(s, j);
      }
      if (s.round === round) commit(s);
    });

    for (const number of known.hints) {
      may(true, `hint ${number} reaches ${i}`, (s) => {
        const [me, my] = of(s);
        my.hints = my.hints.filter((other) => other !== number);
        if (my.incarnation !== me.incarnation || number <= me.seen) return;
        // With one key every hint drops it, so that this rule cannot show here: the mutants of the nodes show it.
        if (number > me.seen + 1) return;
        drop(me);
        me.seen = number;
      });
    }
    may(
      known.alive && node.incarnation === known.incarnation && node.seen > known.acked,
      `${i} acknowledges`,
      (s) => {
        const [me] = of(s);
        acknowledge(s, i, me.seen, holds);
      },
    );

    may(node.renewal === null && state.renewals < bounds.renewals, `${i} sends a renewal`, (s) => {
      const [me] = of(s);
      s.renewals += 1;
      me.renewal = { sentAt: s.time, incarnation: me.incarnation, seen: me.seen, told: null };
    });
    may(node.renewal?.told === null, `Redis sees the renewal of ${i}`, (s) => {
      const [me, my] = of(s);
      const renewal = me.renewal as Renewal;
      const alive = my.alive && my.incarnation === renewal.incarnation;
      if (alive) {
        acknowledge(s, i, renewal.seen, holds);
        my.renewals += 1;
      }
      const missed = my.unacknowledged.length;
      renewal.told = { alive, last: my.acked + missed, missed };
    });
    may(node.renewal !== null && node.renewal.told !== null, `the renewal of ${i} is back`, (s) => {
      const [me] = of(s);
      const { told, incarnation, sentAt } = me.renewal as Renewal;
      me.renewal = null;
      if (told === null || incarnation !== me.incarnation) return;
      if (!told.alive) {
        rejoin(s, i, holds);
        return;
      }
      if (told.missed > 0 && holds('drop what a renewal returns before extending the lease')) drop(me);
      me.seen = Math.max(me.seen, told.last);
      const from = holds('count the lease from the sending') ? sentAt : s.time;
      me.leaseUntil = Math.max(me.leaseUntil, from + LEASE);
    });
  });
  return steps;
}

function drop(node: Node): void {
  node.held = null;
  if (node.fill !== null) node.fill.poisoned = true;
}

function prepare(s: State, writer: number, write: Write, holds: (rule: Rule) => boolean): void {
  if (s.round === 0) {
    const sharers = s.known.flatMap((their, j) => {
      const excused =
        j === writer &&
        their.incarnation === write.incarnation &&
        (their.shares <= write.lastFill || !holds('excuse the writer only for fills it gave up'));
      return their.alive && their.shares > 0 && !excused ? [j] : [];
    });
    if (sharers.length === 0) {
      s.queue = 1;
      commit(s);
      (s.nodes[writer] as Node).write = null;
      return;
    }
    s.rounds += 1;
    s.round = s.rounds;
    s.missing = sharers;
    for (const j of sharers) {
      const their = s.known[j] as Known;
      their.unacknowledged.push(s.round);
      their.hints.push(their.acked + their.unacknowledged.length);
    }
  }
  s.queue += 1;
  write.waiting = { since: s.time, round: s.round, renewals: s.known.map(({ renewals }) => renewals) };
}

function commit(s: State): void {
  s.version += s.queue;
  s.queue = 0;
  s.round = 0;
  s.missing = [];
  for (const their of s.known) their.shares = 0;
  for (const node of s.nodes) if (node.write?.waiting) node.write = null;
}

function release(s: State, node: number, round: number, all = true): void {
  if (s.round !== round || !s.missing.includes(node)) return;
  s.missing = s.missing.filter((other) => other !== node);
  if (s.missing.length === 0 || !all) commit(s);
}

function acknowledge(s: State, node: number, upto: number, holds: (rule: Rule) => boolean): void {
  const their = s.known[node] as Known;
  const done = their.unacknowledged.splice(0, Math.max(0, upto - their.acked));
  their.acked += done.length;
  for (const round of done) release(s, node, round, holds('wait for every sharer'));
}

function bury(s: State, node: number): void {
  const their = s.known[node] as Known;
  their.alive = false;
  for (const round of their.unacknowledged.splice(0)) release(s, node, round);
}

function rejoin(s: State, node: number, holds: (rule: Rule) => boolean): void {
  const me = s.nodes[node] as Node;
  if (holds('forget everything when fenced')) drop(me);
  me.incarnation += 1;
  me.seen = 0;
  me.leaseUntil = s.time + LEASE;
  s.known[node] = {
    alive: true,
    incarnation: me.incarnation,
    renewals: 0,
    shares: 0,
    unacknowledged: [],
    acked: 0,
    hints: [],
  };
}

export interface Exploration {
  readonly states: number;
  /** The shortest way to an unsafe state; null: there is none. */
  readonly trace: readonly string[] | null;
}

/** Tries every order of events, breadth first. */
export function explore(bounds: Bounds, broken?: Rule): Exploration {
  const first = initial(bounds);
  const origins = new Map<string, { from: string; by: string } | null>([[JSON.stringify(first), null]]);
  let frontier = [...origins.keys()];
  while (frontier.length > 0) {
    const next: string[] = [];
    for (const text of frontier) {
      const state: State = JSON.parse(text);
      for (const { name, step } of stepsFrom(state, bounds, broken)) {
        const after: State = JSON.parse(text);
        step(after);
        const key = JSON.stringify(after);
        if (origins.has(key)) continue;
        origins.set(key, { from: text, by: name });
        if (!isSafe(after, broken)) return { states: origins.size, trace: traceTo(key, origins) };
        next.push(key);
      }
    }
    frontier = next;
  }
  return { states: origins.size, trace: null };
}

function traceTo(key: string, origins: ReadonlyMap<string, { from: string; by: string } | null>): string[] {
  const names: string[] = [];
  for (let at = origins.get(key); at; at = origins.get(at.from)) names.push(at.by);
  return names.reverse();
}
