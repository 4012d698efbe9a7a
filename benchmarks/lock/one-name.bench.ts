import { randomUUID } from 'node:crypto';
import { benchmark, type Contestant, Latencies, type Measurement } from '../harness/index.js';
import { hold, type Locker, type Peer } from './locker.js';
import { CAVEATS, PEERS } from './peers/index.js';

const WAITERS = 16;
const WARM_UP_MS = 250;

/** Many want one lock, all the time. The latencies are those of the hand-over: from one's release to the next one's grant. */
async function contend(locker: Locker, name: string, heldMs: number, seconds: number): Promise<Measurement> {
  const handOvers = new Latencies();
  const waits = new Latencies();
  const turns = Array.from({ length: WAITERS }, () => 0);
  const countFrom = performance.now() + WARM_UP_MS;
  const countUntil = countFrom + seconds * 1_000;
  let performed = 0;
  let heldInAllMs = 0;
  let releasedAt = Number.NaN;
  let holder: number | undefined;
  const work = async (worker: number) => {
    while (performance.now() < countUntil) {
      const askedAt = performance.now();
      const unlock = await locker.lock(name, worker);
      const grantedAt = performance.now();
      if (holder !== undefined) throw new Error(`Workers ${holder} and ${worker} hold one lock`);
      holder = worker;
      performed += 1;
      if (grantedAt >= countFrom && grantedAt < countUntil) {
        if (!Number.isNaN(releasedAt)) handOvers.record(grantedAt - releasedAt);
        waits.record(grantedAt - askedAt);
        turns[worker] = (turns[worker] ?? 0) + 1;
      }
      if (heldMs > 0) await hold(heldMs);
      releasedAt = performance.now();
      heldInAllMs += releasedAt - grantedAt;
      holder = undefined;
      await unlock();
    }
  };
  await Promise.all(turns.map((_, worker) => work(worker)));
  return {
    operations: turns.reduce((sum, each) => sum + each, 0),
    performed,
    seconds,
    latencies: handOvers,
    figures: {
      'held ms': heldInAllMs / performed,
      'wait p50 ms': waits.percentile(50),
      'wait p99 ms': waits.percentile(99),
      'longest wait ms': waits.max,
      'turns min/max': Math.min(...turns) / Math.max(...turns),
    },
  };
}

const contestant = (peer: Peer): Contestant => ({
  name: peer.name,
  start: async (stage) => {
    const locker = await peer.open(stage, true);
    // The same all the time: where a name has a node, that node is warm by then.
    const name = `contended-${randomUUID()}`;
    return {
      measure: (heldMs, seconds) => contend(locker, name, heldMs, seconds),
      stop: async () => locker.stop(),
    };
  },
});

export default benchmark({
  question: `One lock that ${WAITERS} callers want all the time: how many cycles a second, how quick is the hand-over, who starves?`,
  unit: 'cycles/s',
  loads: [0, 1],
  loadUnit: 'ms held',
  rounds: 3,
  seconds: 1.5,
  contestants: PEERS.map(contestant),
  caveats: [
    ...CAVEATS,
    'p50, p99 and longest are those of the hand-over, in the client: from the moment before the release is sent to the moment when the next grant is here. The waits have columns of their own.',
    'Held for 1 ms at least: "held ms" tells how long.',
    'Turns min/max is the lowest number of turns of a caller, divided by the highest: 1 is fair. One turn more or less cannot be avoided: with 20 turns each in a round it is 0.95.',
    'Syncline\'s client asks one node for one name; "single requests" spreads the callers over the nodes.',
    'Libraries without a queue look fast here because the one who releases takes the lock again at once; see the longest wait and the turns.',
    'That never two hold the lock is checked at every grant, for all contestants.',
  ],
});
