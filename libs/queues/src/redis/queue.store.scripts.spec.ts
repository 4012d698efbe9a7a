import fc from 'fast-check';
import { bodies, deliveries, QueueScripts } from '../../../../test/stages/queue-scripts.js';
import type { Delivery } from './receipt.js';
import type { Deliveries } from './scripts/deliveries.js';

/** What does not depend on when something ran, or in which queue. */
const shown = (reply: Deliveries) =>
  reply.messages.map(({ delivery: { token, delivery, size }, failures, content }) => [
    token,
    delivery,
    size,
    failures,
    content.body,
  ]);

const message = fc.record({
  priority: fc.constantFrom(0, 0, 3, 9),
  groupId: fc.constantFrom(undefined, undefined, 'A', 'B'),
  ttlMs: fc.constantFrom(undefined, undefined, 600_000),
  delayMs: fc.constantFrom(0, 0, 0, 500_000),
  dedup: fc.constantFrom('', '', 'D', 'E'),
});
const step = fc.record({
  queue: fc.constantFrom(0, 1),
  some: fc.integer({ min: 1, max: 4 }),
  messages: fc.array(message, { minLength: 1, maxLength: 6 }),
  plain: fc.boolean(),
  do: fc.constantFrom(
    ...(['send', 'send', 'receive', 'receive', 'ack', 'ack', 'nack', 'extend', 'giveBack'] as const),
    ...(['endTimeouts', 'meet', 'browse', 'pause', 'resume', 'purge', 'redrive', 'work'] as const),
  ),
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** Two queues of one Redis, and what their receivers hold. */
class Player {
  private readonly held: [Delivery[], Delivery[]] = [[], []];
  private parked = 0;

  constructor(
    private readonly stage: QueueScripts,
    private readonly queues: readonly [string, string],
  ) {}

  async begin(): Promise<void> {
    for (const queue of this.queues) {
      this.stage.queue = queue;
      await this.stage.configure({ maxReceives: 3 });
    }
  }

  async play({ do: what, queue, some, messages, plain }: Step): Promise<unknown> {
    const { stage } = this;
    const held = this.held[queue as 0 | 1];
    stage.queue = this.queues[queue as 0 | 1];
    const given = messages.map(({ groupId, ttlMs, ...rest }, body) =>
      plain
        ? { body, priority: rest.priority }
        : { ...rest, body, ...(groupId !== undefined && { groupId }), ...(ttlMs !== undefined && { ttlMs }) },
    );
    const take = (reply: Deliveries) => {
      held.push(...deliveries(reply));
      return shown(reply);
    };
    switch (what) {
      case 'send': {
        const reply = await stage.send(...given);
        return (
          reply.outcome === 'sent' && reply.messages.map((one) => 'deduplicated' in one && one.deduplicated)
        );
      }
      case 'receive':
        return take(await stage.receive(some));
      case 'ack':
        return stage.acknowledge([...held.slice(0, 1), ...held.splice(0, some)]);
      case 'nack':
        return stage.reject(held.splice(-some), 0);
      case 'extend':
        return stage.extend(held.slice(0, some), 400_000);
      case 'giveBack':
        return stage.giveBack(held.splice(-some), { told: plain });
      case 'endTimeouts':
        return this.endTimeouts();
      case 'meet': {
        this.parked += 1;
        const waiter = await stage.park(`queue_1#${this.parked}`, some);
        const reply = await stage.sendTo([waiter], given);
        return reply.outcome === 'sent' && reply.handed.map((handed) => take(handed.deliveries));
      }
      case 'browse': {
        const page = await stage.store.browse(stage.queue, {
          state: plain ? 'ready' : 'inFlight',
          cursor: '',
          limit: 10,
        });
        const found = page?.messages.map(({ content, failures }) => `${content.body} ${failures}`);
        // Those in flight are in the order of their ends, which may be one millisecond here and two there.
        return plain ? found : found?.sort();
      }
      case 'pause':
      case 'resume':
        return stage.store.pause(stage.queue, what === 'pause');
      case 'purge':
        return (await stage.store.purge(stage.queue))?.purged;
      case 'redrive': {
        const moved = await stage.store.redrive(stage.queue, some, undefined, undefined);
        return [moved?.moved, moved?.seen];
      }
      case 'work':
        return (await stage.store.doDueWork(stage.queue))?.outboxLength;
    }
  }

  /** As if the time of all deliveries were over. */
  private async endTimeouts(): Promise<number> {
    const { redis, queue } = this.stage;
    const key = `syncline:{queue:${queue}}:queue`;
    const inFlight = `syncline:{queue:${queue}}:${await redis.hget(key, 'gen')}:inFlight`;
    const tokens = await redis.zrange(inFlight, '0', '-1');
    for (const token of tokens) await redis.zadd(inFlight, 1, token);
    if (tokens.length > 0) await redis.hset(key, 'due', 1);
    return tokens.length;
  }

  async audit(): Promise<string[]> {
    return (await Promise.all(this.queues.map((queue) => this.stage.audit(queue)))).flat();
  }

  async stats(): Promise<unknown[]> {
    const all = [];
    for (const queue of this.queues) {
      this.stage.queue = queue;
      all.push({ ...(await this.stage.stats()), oldestAgeMs: 0, oldestReadyAgeMs: 0 });
    }
    return all;
  }
}

describe('the commands of a queue', () => {
  let functions: QueueScripts;
  let scripts: QueueScripts;

  beforeAll(async () => {
    functions = await QueueScripts.start('functions');
    scripts = await QueueScripts.start('scripts');
  });
  afterAll(async () => {
    await functions?.stop();
    await scripts?.stop();
  });

  /** A script is compiled again for each call: what a function kept of an earlier call would make it answer otherwise. */
  it('answer as functions, which keep nothing of earlier calls, as they do as scripts', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
        run += 1;
        const queues = [`a${run}`, `b${run}`] as const;
        const one = new Player(functions, queues);
        const other = new Player(scripts, queues);
        await one.begin();
        await other.begin();
        for (const each of steps) {
          expect([each.do, await one.play(each)]).toEqual([each.do, await other.play(each)]);
        }
        expect(await one.stats()).toEqual(await other.stats());
        expect([...(await one.audit()), ...(await other.audit())]).toEqual([]);
      }),
      { numRuns: 60 },
    );
    const calls = async (stage: QueueScripts, name: string) =>
      Number(
        new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(await stage.redis.info('commandstats'))?.[1] ?? 0,
      );
    expect(await calls(functions, 'evalsha')).toBe(0);
    expect(await calls(functions, 'fcall')).toBeGreaterThan(500);
    expect(await calls(scripts, 'evalsha')).toBeGreaterThan(500);
  });

  it('carry a message from its send to its ack as scripts, and its failure to the dead letters', async () => {
    scripts.queue = 'by-scripts';
    await scripts.configure({ maxReceives: 1 });
    await scripts.send({ body: 1 }, { body: 2, groupId: 'G', priority: 3 });
    const got = await scripts.receive(10);
    expect(bodies(got)).toEqual([2, 1]);
    const [failed, done] = deliveries(got);
    if (failed === undefined || done === undefined) throw new Error('expected two');
    expect(await scripts.reject([failed], 0)).toEqual(['dead']);
    expect(await scripts.acknowledge([done])).toEqual(['acked']);
    await scripts.outbox.deliver(scripts.queue);
    expect(await scripts.stats()).toMatchObject({ acked: 1, dead: 1, ready: 0, inFlight: 0 });
    scripts.queue = 'by-scripts.dead';
    expect(bodies(await scripts.receive(10))).toEqual([2]);
  });
});
