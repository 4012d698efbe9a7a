import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { Child } from '@syncline/testing';
import { benchmark, type Contestant, Latencies, type Measurement, type Stage } from '../harness/index.js';
import { CONTENDERS, type Contended, type Order, type Turn } from './contender.js';

const PROCESSES = 4;
const CALLERS = 4;

/** A process that wants the lock when it is told. */
class Contender {
  private constructor(private readonly child: Child) {}

  static async start(order: Order): Promise<Contender> {
    const process_ = fork(join(import.meta.dirname, 'contender.ts'), {
      execArgv: ['--import', 'tsx'],
      env: { ...process.env, TSX_TSCONFIG_PATH: resolve('benchmarks/tsconfig.json') },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const contender = new Contender(new Child(`${order.contender}`, process_));
    await contender.ask(order);
    return contender;
  }

  contend(seconds: number): Promise<Contended> {
    return this.ask(seconds) as Promise<Contended>;
  }

  stop(): Promise<unknown> {
    return this.child.kill();
  }

  private async ask(message: Order | number): Promise<unknown> {
    const { process: forked, exited, name } = this.child;
    const answered = once(forked, 'message');
    forked.send(message);
    const ended = exited.then(() => {
      throw new Error(`${name} ended:\n${this.child.output}`);
    });
    ended.catch(() => undefined);
    const [answer] = await Promise.race([answered, ended]);
    return answer;
  }
}

/** Never two at a time. @returns from the release of one to the grant of the next */
function handOversOf(turns: readonly Turn[]): Latencies {
  const handOvers = new Latencies();
  const inOrder = [...turns].sort((a, b) => a.grantedAt - b.grantedAt);
  for (const [i, turn] of inOrder.entries()) {
    const before = inOrder[i - 1];
    if (before === undefined) continue;
    if (turn.grantedAt < before.releasedAt) throw new Error('Two hold one lock.');
    handOvers.record(turn.grantedAt - before.releasedAt);
  }
  return handOvers;
}

function judge(processes: readonly Contended[], seconds: number): Measurement {
  const turns = processes.flatMap((each) => each.turns);
  const waits = new Latencies();
  for (const { askedAt, grantedAt } of turns) waits.record(grantedAt - askedAt);
  const served = processes.flatMap((each) =>
    Array.from(
      { length: CALLERS },
      (_, caller) => each.turns.filter((turn) => turn.caller === caller).length,
    ),
  );
  const performed = processes.reduce((sum, each) => sum + each.performed, 0);
  return {
    operations: turns.length,
    performed,
    seconds,
    latencies: handOversOf(turns),
    figures: {
      'client CPU, us/op': processes.reduce((sum, { cpuUs }) => sum + cpuUs, 0) / performed,
      'wait p50 ms': waits.percentile(50),
      'wait p99 ms': waits.percentile(99),
      'longest wait ms': waits.max,
      'turns min/max': Math.min(...served) / Math.max(...served),
    },
  };
}

const contestant = (
  contender: Order['contender'],
  addressOf: (stage: Stage) => Promise<string>,
): Contestant => ({
  name: CONTENDERS[contender].name,
  start: async (stage) => {
    const address = await addressOf(stage);
    const order: Order = { contender, address, name: `contended-${randomUUID()}`, callers: CALLERS };
    const contenders = await Promise.all(Array.from({ length: PROCESSES }, () => Contender.start(order)));
    return {
      measure: async (_load, seconds) =>
        judge(await Promise.all(contenders.map((each) => each.contend(seconds))), seconds),
      stop: () => Promise.all(contenders.map((each) => each.stop())),
    };
  },
});

const redisOf = async (stage: Stage) => (await stage.redis()).url;

export default benchmark({
  question: `One lock that ${PROCESSES * CALLERS} callers in ${PROCESSES} processes want all the time, held 0 ms: how many cycles a second, who starves?`,
  unit: 'cycles/s',
  contestants: [
    contestant('zooKeeper', async (stage) => (await stage.service('zookeeper')).address),
    contestant('redisSemaphore', redisOf),
    contestant('embedded', redisOf),
  ],
  caveats: [
    'p50, p99 and longest are those of the hand-over: from the moment before one releases to the moment when the next one has the lock, in another process or not. The waits have columns of their own.',
    'Turns min/max is the lowest number of turns of a caller, divided by the highest: 1 is fair.',
    'redis-semaphore has no queue: whoever releases takes the lock again at once, and the others ask again every 5 ms.',
    'That never two hold the lock is checked for all contestants.',
  ],
});
