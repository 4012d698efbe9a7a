import { randomUUID } from 'node:crypto';
import { benchmark, type Contestant, Latencies } from '../harness/index.js';
import { CAVEATS, hold, type Locker, PEERS, type Peer } from './peers.js';

const WAITERS = 16;

/** Many want one lock, all the time. The latencies are those of the hand-over: from one's release to the next one's grant. */
async function contend(locker: Locker, heldMs: number, seconds: number) {
  const name = `contended-${randomUUID()}`;
  const handOvers = new Latencies();
  const waits = new Latencies();
  const turns = Array.from({ length: WAITERS }, () => 0);
  const endsAt = performance.now() + seconds * 1_000;
  let releasedAt = Number.NaN;
  const work = async (worker: number) => {
    while (performance.now() < endsAt) {
      const askedAt = performance.now();
      const unlock = await locker.lock(name, worker);
      const grantedAt = performance.now();
      if (!Number.isNaN(releasedAt)) handOvers.record(grantedAt - releasedAt);
      waits.record(grantedAt - askedAt);
      turns[worker] = (turns[worker] ?? 0) + 1;
      await hold(heldMs);
      releasedAt = performance.now();
      await unlock();
    }
  };
  await Promise.all(turns.map((_, worker) => work(worker)));
  return {
    operations: turns.reduce((sum, each) => sum + each, 0),
    seconds,
    latencies: handOvers,
    figures: {
      'wait p50 ms': waits.percentile(50),
      'wait p99 ms': waits.percentile(99),
      'longest wait ms': waits.max,
      'turns, most by least': Math.max(...turns) / Math.max(1, Math.min(...turns)),
    },
  };
}

const contestant = (peer: Peer): Contestant => ({
  name: peer.name,
  start: async (stage) => {
    const locker = await peer.open(stage);
    return {
      measure: (heldMs, seconds) => contend(locker, heldMs, seconds),
      stop: () => locker.stop(),
    };
  },
});

export default benchmark({
  question: `One lock that ${WAITERS} callers want all the time: how many cycles a second, how quick is the hand-over, who starves?`,
  unit: 'cycles/s',
  loads: [0, 1],
  loadUnit: 'ms held',
  contestants: PEERS.map(contestant),
  caveats: [
    ...CAVEATS,
    'The hand-over is measured in the client: from the moment before the release is sent to the moment when the next grant is here.',
    'Libraries without a queue look fast here because the one who releases takes the lock again at once; see the longest wait and the turns.',
  ],
});
