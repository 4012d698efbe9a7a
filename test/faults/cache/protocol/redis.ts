import { type Holds, type Known, LEASE, type Node, type State, type Write } from './state.js';

export function drop(node: Node): void {
  node.held = null;
  if (node.fill !== null) node.fill.superseded = true;
}

export function prepare(s: State, writer: number, write: Write, holds: Holds): void {
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

export function commit(s: State): void {
  s.version += s.queue;
  s.queue = 0;
  s.round = 0;
  s.missing = [];
  for (const their of s.known) their.shares = 0;
  for (const node of s.nodes) if (node.write?.waiting) node.write = null;
}

export function release(s: State, node: number, round: number, all = true): void {
  if (s.round !== round || !s.missing.includes(node)) return;
  s.missing = s.missing.filter((other) => other !== node);
  if (s.missing.length === 0 || !all) commit(s);
}

export function acknowledge(s: State, node: number, upto: number, holds: Holds): void {
  const their = s.known[node] as Known;
  const done = their.unacknowledged.splice(0, Math.max(0, upto - their.acked));
  their.acked += done.length;
  for (const round of done) release(s, node, round, holds('wait for every sharer'));
}

export function bury(s: State, node: number): void {
  const their = s.known[node] as Known;
  their.alive = false;
  for (const round of their.unacknowledged.splice(0)) release(s, node, round);
}

export function rejoin(s: State, node: number, holds: Holds): void {
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
