import { randomUUID } from 'node:crypto';
import type { Role } from '@syncline/contracts';
import type { Http } from '../harness/index.js';

/** Where the commands of one measurement go, and how many travel together: 1 is a call alone. */
export interface Target {
  readonly http: Http;
  /** Of one node. */
  readonly url: string;
  readonly batch: number;
  /** Works again and again for as long as a measurement takes, or until `work` resolves to false. Resolves to how often. */
  during(work: () => Promise<unknown>): Promise<number>;
  /** Measures what Redis spends on a command. `work` resolves to how many of it there were. */
  measure(command: string, work: () => Promise<number>): Promise<void>;
}

/** The commands of a role, one after the other: as users call them, whatever they are made of. */
export type HotCommands = (target: Target) => Promise<void>;

const TEXT = 'x'.repeat(200);
const LONG_MS = 600_000;
/** Messages or keys that are read or acknowledged later must not become too many. */
const MOST_KEPT = 200_000;

const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));
interface Grant {
  readonly name: string;
  readonly leaseId: string;
}
interface LockResults {
  readonly results: readonly { readonly status: number }[];
}

const locks: HotCommands = async ({ http, url, batch, during, measure }) => {
  const call = async (op: 'acquire' | 'renew' | 'release', grants: readonly Grant[], fields = {}) => {
    const [first] = grants;
    if (batch === 1 && first) {
      return http.post(`${url}/v1/locks/${first.name}/${op}`, { leaseId: first.leaseId, ...fields });
    }
    const operations = grants.map((grant) => ({ op, ...grant, ...fields }));
    const { results } = await http.post<LockResults>(`${url}/v1/locks/batch`, { operations });
    const failed = results.find(({ status }) => status !== 200);
    if (failed) throw new Error(`To ${op} failed: ${JSON.stringify(failed)}`);
    return results;
  };
  const batches: Grant[][] = [];
  await measure('acquire', async () => {
    await during(async () => {
      const grants = many(batch, () => ({ name: randomUUID(), leaseId: randomUUID() }));
      batches.push(grants);
      await call('acquire', grants, { owner: 'bench', ttlMs: LONG_MS });
      return batches.length * batch < MOST_KEPT;
    });
    return batches.length * batch;
  });

  const held = batches[0] ?? [];
  await measure('renew', async () => (await during(() => call('renew', held, { ttlMs: LONG_MS }))) * batch);

  await measure('release', async () => {
    for (const grants of batches) await call('release', grants);
    return batches.length * batch;
  });
};

/** Three want each lock all the time, so each release hands it over. */
const CALLERS = 3;

const handOver: HotCommands = ({ http, url, batch, during, measure }) =>
  measure('wait + hand-over', async () => {
    const names = many(batch, () => randomUUID());
    const callers = many(batch * CALLERS, (index) => {
      const lock = `${url}/v1/locks/${names[index % batch]}`;
      return during(async () => {
        const leaseId = randomUUID();
        await http.post(`${lock}/acquire`, {
          owner: `bench-${index}`,
          leaseId,
          ttlMs: LONG_MS,
          waitMs: LONG_MS,
        });
        await http.post(`${lock}/release`, { leaseId });
      });
    });
    return (await Promise.all(callers)).reduce((sum, each) => sum + each, 0);
  });

const queues: HotCommands = async ({ http, url, batch, during, measure }) => {
  const queue = `${url}/v1/queues/q-${randomUUID()}`;
  await http.send('PUT', queue, {});
  const messages = many(batch, () => ({ body: TEXT }));
  let sent = 0;
  await measure('send', async () => {
    await during(async () => {
      await http.post(`${queue}/messages`, { messages });
      sent += batch;
      return sent < MOST_KEPT;
    });
    return sent;
  });

  const batches: string[][] = [];
  await measure('receive', async () => {
    let received = 0;
    while (received < sent) {
      const options = { max: batch, visibilityTimeoutMs: LONG_MS };
      const reply = await http.post<{ messages: { receipt: string }[] }>(`${queue}/receive`, options);
      batches.push(reply.messages.map(({ receipt }) => receipt));
      received += reply.messages.length;
    }
    return received;
  });

  await measure('acknowledge', async () => {
    for (const receipts of batches) await http.post(`${queue}/ack`, { receipts });
    return sent;
  });
  await http.send('DELETE', queue);
};

const caches: HotCommands = async ({ http, url, batch, during, measure }) => {
  const cache = `${url}/v1/caches/c-${randomUUID()}`;
  const batches: string[][] = [];
  await measure('write', async () => {
    await during(async () => {
      const keys = many(batch, () => randomUUID());
      batches.push(keys);
      const [first] = keys;
      if (batch === 1) await http.send('PUT', `${cache}/entries/${first}?ttlMs=${LONG_MS}`, TEXT);
      else {
        const entries = keys.map((key) => ({ key, value: TEXT, ttlMs: LONG_MS }));
        await http.post(`${cache}/mset`, { entries });
      }
      return batches.length * batch < MOST_KEPT;
    });
    return batches.length * batch;
  });

  // Each key for the first time: no node has it in its near cache yet.
  await measure('read from Redis', async () => {
    for (const keys of batches) {
      if (batch === 1) await http.send('GET', `${cache}/entries/${keys[0]}`);
      else await http.post(`${cache}/mget`, { keys });
    }
    return batches.length * batch;
  });

  await measure('read what is absent', async () => {
    const times = await during(async () => {
      const keys = many(batch, () => randomUUID());
      const { entries } = await http.post<{ entries: { found: boolean }[] }>(`${cache}/mget`, { keys });
      if (entries.some(({ found }) => found)) throw new Error('A key that nobody wrote was found');
    });
    return times * batch;
  });

  const leases: { entry: string; fillLease: string }[][] = [];
  await measure('fill lease', async () => {
    await during(async () => {
      const entries = many(batch, () => `${cache}/entries/${randomUUID()}`);
      const given = entries.map(async (entry) => {
        const body = { leaseMs: LONG_MS };
        const { fillLease } = await http.post<{ fillLease: string }>(`${entry}/fill`, body);
        return { entry, fillLease };
      });
      leases.push(await Promise.all(given));
      return leases.length * batch < MOST_KEPT;
    });
    return leases.length * batch;
  });

  await measure('store with a fill lease', async () => {
    for (const given of leases) {
      const stored = given.map(({ entry, fillLease }) =>
        http.send('PUT', `${entry}?ttlMs=${LONG_MS}`, TEXT, { 'X-Fill-Lease': fillLease }),
      );
      await Promise.all(stored);
    }
    return leases.length * batch;
  });
  await http.send('DELETE', `${cache}?drop=true`);
};

/** What is measured of each role, and in which batches. */
export const HOT_COMMANDS: readonly {
  readonly role: Role;
  readonly commands: HotCommands;
  readonly batches: readonly number[];
  /** Whether what a node sends for them does the same once more, when Redis is what it was before. */
  readonly recorded: boolean;
}[] = [
  { role: 'lock', commands: locks, batches: [1, 32], recorded: true },
  { role: 'lock', commands: handOver, batches: [1, 32], recorded: false },
  { role: 'queue', commands: queues, batches: [1, 32, 100], recorded: true },
  { role: 'cache', commands: caches, batches: [1, 32], recorded: false },
];
