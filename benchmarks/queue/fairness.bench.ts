import { QueueClient } from '@syncline/client';
import { benchmark, type Contestant, Latencies } from '../harness/index.js';
import { BODY } from './broker.js';

const TENANTS = 10;
/** What the first tenant sends for one message of another. */
const FACTOR = 100;
const BATCH = 10;
const PORTION = 1_000;
/** Until then nobody has got all that it sent. */
const PART = 0.8;

/** Jain's index: 1 when all got the same, 1 / n when one got everything. */
function jain(shares: readonly number[]): number {
  const sum = shares.reduce((total, share) => total + share, 0);
  const squares = shares.reduce((total, share) => total + share * share, 0);
  return squares === 0 ? 0 : (sum * sum) / (shares.length * squares);
}

const ordered = (ordering: 'group' | 'fair'): Contestant => ({
  name: ordering,
  start: async (stage) => {
    const client = new QueueClient({ urls: await stage.nodes('queue', 2) });
    const queue = client.queue<string>('bench');
    await queue.configure({ ordering, maxInFlightPerGroup: 1_000 });
    const send = async (tenant: number, count: number) => {
      const options = { groupId: `tenant-${tenant}` };
      for (let sent = 0; sent < count; sent += PORTION) {
        const portion = Math.min(PORTION, count - sent);
        await Promise.all(Array.from({ length: portion }, () => queue.send(BODY, options)));
      }
    };
    return {
      prepare: () => queue.purge(),
      measure: async (each) => {
        await send(0, each * FACTOR);
        for (let tenant = 1; tenant < TENANTS; tenant += 1) await send(tenant, each);
        const shares = Array.from({ length: TENANTS }, () => 0);
        const latencies = new Latencies();
        const startedAt = performance.now();
        let operations = 0;
        while (operations < each * TENANTS * PART) {
          const askedAt = performance.now();
          const messages = await queue.receive({ max: BATCH });
          latencies.record(performance.now() - askedAt);
          for (const { groupId } of messages) {
            const tenant = Number(groupId?.split('-')[1]);
            shares[tenant] = (shares[tenant] ?? 0) + 1;
          }
          operations += messages.length;
          await Promise.all(messages.map(({ receipt }) => queue.ack(receipt)));
        }
        return {
          operations,
          seconds: (performance.now() - startedAt) / 1_000,
          latencies,
          figures: { "Jain's index": jain(shares) },
        };
      },
      stop: () => client.close(),
    };
  },
});

export default benchmark({
  question: `How evenly are ${TENANTS} tenants served when the first one sends ${FACTOR} times as much as each other?`,
  unit: 'messages/s',
  loads: [100],
  loadUnit: 'messages of each tenant but the first',
  rounds: 3,
  contestants: [ordered('fair'), ordered('group')],
  caveats: [
    'Messages are received in batches of 10 by one receiver, after all were sent, the largest tenant first. What was received until each tenant could have got four fifths of what it sent counts for the index.',
  ],
});
