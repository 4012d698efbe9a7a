// One of several processes that want the same lock all the time, as `one-name.bench.ts` tells it by messages.
import { embedded } from '../lock/peers/embedded.js';
import { redisSemaphore } from '../lock/peers/libraries.js';
import { zooKeeper } from '../lock/peers/zookeeper.js';

export const CONTENDERS = { embedded, redisSemaphore, zooKeeper };

/** Where the servers of a contender are, its lock, and how many callers a process has. */
export interface Order {
  readonly contender: keyof typeof CONTENDERS;
  readonly address: string;
  readonly name: string;
  readonly callers: number;
}

/** A turn that began after the warm-up; times are milliseconds of a clock that all processes share. */
export interface Turn {
  readonly caller: number;
  readonly askedAt: number;
  readonly grantedAt: number;
  readonly releasedAt: number;
}

export interface Contended {
  readonly turns: readonly Turn[];
  readonly performed: number;
  readonly cpuUs: number;
}

const WARM_UP_MS = 500;
const now = () => Number(process.hrtime.bigint()) / 1e6;

async function contend({
  contender,
  address,
  name,
  callers,
}: Order): Promise<(seconds: number) => Promise<Contended>> {
  const { lock } = await CONTENDERS[contender].open(
    {
      redis: async () => ({ url: address }),
      service: async () => ({ address }),
      nodes: async () => [address],
    },
    true,
  );
  return async (seconds) => {
    const turns: Turn[] = [];
    let performed = 0;
    const before = process.cpuUsage();
    const countFrom = now() + WARM_UP_MS;
    const countUntil = countFrom + seconds * 1_000;
    const work = async (caller: number) => {
      for (let askedAt = now(); askedAt < countUntil; askedAt = now()) {
        const unlock = await lock(name, caller);
        const grantedAt = now();
        performed += 1;
        if (grantedAt >= countFrom && grantedAt < countUntil) {
          turns.push({ caller, askedAt, grantedAt, releasedAt: now() });
        }
        await unlock();
      }
    };
    await Promise.all(Array.from({ length: callers }, (_, caller) => work(caller)));
    const { user, system } = process.cpuUsage(before);
    return { turns, performed, cpuUs: user + system };
  };
}

// Forked, not imported.
const tell = process.send?.bind(process);
if (tell && process.argv[1] === import.meta.filename) {
  let run: ReturnType<typeof contend>;
  process.on('message', async (message: Order | number) => {
    if (typeof message === 'number') tell(await (await run)(message));
    else {
      run = contend(message);
      await run;
      tell('ready');
    }
  });
  process.on('disconnect', () => process.exit());
}
