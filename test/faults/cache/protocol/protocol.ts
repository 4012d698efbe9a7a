import { acknowledge, bury, commit, drop, prepare, rejoin } from './redis.js';
import {
  type Bounds,
  type Fill,
  type Holds,
  type Known,
  LEASE,
  type Node,
  type Renewal,
  RULES,
  type Rule,
  type State,
  type Write,
} from './state.js';

/** The one thing that must never be: a near cache that could answer with what a write has replaced. */
export function isSafe(state: State, broken?: Rule): boolean {
  const leased = (node: Node) => broken === RULES[0] || state.time < node.leaseUntil;
  return state.nodes.every((node) => node.held === null || !leased(node) || node.held === state.version);
}

type Step = (state: State) => void;

/** Every step that may happen next, each to be tried on a copy of the state. */
export function stepsFrom(state: State, bounds: Bounds, broken?: Rule): { name: string; step: Step }[] {
  const holds: Holds = (rule) => broken !== rule;
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
      me.fill = { number: me.fills, incarnation: me.incarnation, superseded: false, reply: null };
    });
    may(node.fill?.reply === null, `Redis sees the fill of ${i}`, (s) => {
      const [me, my] = of(s);
      const fill = me.fill as Fill;
      const alive = my.alive && my.incarnation === fill.incarnation;
      const cacheable = alive && (s.round === 0 || !holds('keep nothing that is being written'));
      if (cacheable && holds('register the reader before telling the value')) {
        my.shares = Math.max(my.shares, fill.number);
      }
      fill.reply = { version: s.version, cacheable };
    });
    may(node.fill !== null && node.fill.reply !== null, `the fill of ${i} ends`, (s) => {
      const [me] = of(s);
      const { reply, superseded, incarnation } = me.fill as Fill;
      me.fill = null;
      const clean = !superseded || !holds('supersede fills of a key that is written');
      if (reply?.cacheable && clean && incarnation === me.incarnation) me.held = reply.version;
    });

    may(node.write === null && state.writes < bounds.writes, `${i} sends a write`, (s) => {
      const [me] = of(s);
      s.writes += 1;
      if (holds('give up the own entry before writing')) {
        me.held = null;
        if (me.fill !== null) me.fill.superseded = true;
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
      me.renewal = { sentAt: s.time, incarnation: me.incarnation, seen: me.seen, reply: null };
    });
    may(node.renewal?.reply === null, `Redis sees the renewal of ${i}`, (s) => {
      const [me, my] = of(s);
      const renewal = me.renewal as Renewal;
      const alive = my.alive && my.incarnation === renewal.incarnation;
      if (alive) {
        acknowledge(s, i, renewal.seen, holds);
        my.renewals += 1;
      }
      const missed = my.unacknowledged.length;
      renewal.reply = { alive, last: my.acked + missed, missed };
    });
    may(node.renewal !== null && node.renewal.reply !== null, `the renewal of ${i} is back`, (s) => {
      const [me] = of(s);
      const { reply, incarnation, sentAt } = me.renewal as Renewal;
      me.renewal = null;
      if (reply === null || incarnation !== me.incarnation) return;
      if (!reply.alive) {
        rejoin(s, i, holds);
        return;
      }
      if (reply.missed > 0 && holds('drop what a renewal returns before extending the lease')) drop(me);
      me.seen = Math.max(me.seen, reply.last);
      const from = holds('count the lease from the sending') ? sentAt : s.time;
      me.leaseUntil = Math.max(me.leaseUntil, from + LEASE);
    });
  });
  return steps;
}
