import { setTimeout as sleep } from 'node:timers/promises';
import type { Syncline } from '@syncline/client';
import { embed } from '@syncline/embedded';
import { benchmark, type Contestant, Latencies, type Measurement } from '../harness/index.js';
import { commandsOf } from '../redis/spent.js';

const MANY = 1_000;
/** Until nothing is left of what came before: a near cache that nobody asks rests after 3 s. */
const SETTLE_MS = 10_000;

/** What is there of something that nothing happens to. Resolves to how it is ended. */
type Make = (syncline: Syncline) => Promise<() => Promise<unknown>>;

const nothing: Make = async () => async () => undefined;

const names = Array.from({ length: MANY }, (_, i) => `idle-${i}`);

/** Their queues do not exist. */
const waitingWorkers: Make = async (syncline) => {
  const workers = names.map((name) => syncline.worker(name, async () => undefined));
  return () => Promise.all(workers.map((worker) => worker.stop()));
};

const parkedWorkers: Make = async (syncline) => {
  for (const name of names) await syncline.queue(name).configure({});
  return waitingWorkers(syncline);
};

const readCaches: Make = async (syncline) => {
  for (const name of names) {
    const cache = syncline.cache<string>(name);
    await cache.set('key', name);
    await cache.get('key');
  }
  return async () => undefined;
};

async function measureIdle(commands: () => Promise<number>, seconds: number): Promise<Measurement> {
  const [before, used, startedAt] = [await commands(), process.cpuUsage(), performance.now()];
  await sleep(seconds * 1_000);
  const passedMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(used);
  const latencies = new Latencies();
  latencies.record(passedMs);
  const figures = {
    'Redis commands/s': ((await commands()) - before) / (passedMs / 1_000),
    'process, % of a core': (user + system) / passedMs / 10,
  };
  return { operations: 1, seconds: passedMs / 1_000, latencies, figures };
}

/** Its member is there for its turn alone: it sends heartbeats. */
const idle = (name: string, make: Make): Contestant => ({
  name,
  start: async (stage) => {
    const server = await stage.redis();
    const counted = server.connect();
    return {
      measure: async (_load, seconds) => {
        const syncline = await embed({ redis: server.url });
        const end = await make(syncline);
        await sleep(SETTLE_MS);
        const measured = await measureIdle(() => commandsOf(counted), seconds);
        await end();
        await syncline.close();
        return measured;
      },
      stop: async () => counted.disconnect(),
    };
  },
});

export default benchmark({
  question:
    'What does a process cost that has nothing to do, and what do queues and caches where nothing happens?',
  unit: 'looks/s',
  rounds: 3,
  seconds: 20,
  contestants: [
    idle('a member, nothing to do', nothing),
    idle(`the same, ${MANY} caches that were read`, readCaches),
    idle(`the same, workers at ${MANY} queues that nobody made yet`, waitingWorkers),
    idle(`the same, workers parked at ${MANY} empty queues`, parkedWorkers),
  ],
  caveats: [
    'Read the commands, which a busy machine does not change; those in scripts are counted. The rate and the latencies mean nothing.',
    'The member has all three roles. What the benchmark itself takes is part of the processor time. Run it with `--warm-up 0`.',
  ],
});
