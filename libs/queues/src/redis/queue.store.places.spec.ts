import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { deliveries, QueueScripts } from '../../../../test/stages/queue-scripts.js';
import type { Delivery } from '../redis/receipt.js';

describe('the places of a message', () => {
  let stage: QueueScripts;

  beforeAll(async () => {
    stage = await QueueScripts.start();
  });
  afterAll(() => stage.stop());
  beforeEach(() => stage.nextQueue());
  afterEach(async () => {
    expect(await stage.audit()).toEqual([]);
  });

  it('keeps every message in exactly one place, whatever happens to it', async () => {
    const message = fc.record({
      priority: fc.constantFrom(0, 0, 3, 9),
      groupId: fc.constantFrom(undefined, undefined, 'A', 'B'),
      ttlMs: fc.constantFrom(undefined, undefined, undefined, 4),
      delayMs: fc.constantFrom(0, 0, 0, 3),
      dedup: fc.constantFrom('', '', '', 'D', 'E', 'D  1', 'E  2', 'E 4 3'),
    });
    const step = fc.oneof(
      fc.record({
        do: fc.constant('send' as const),
        messages: fc.array(message, { minLength: 1, maxLength: 8 }),
      }),
      fc.record({
        do: fc.constant('receive' as const),
        max: fc.integer({ min: 1, max: 6 }),
        visibility: fc.constantFrom(2, 10_000),
      }),
      fc.record({
        do: fc.constantFrom('ack' as const, 'nack' as const, 'extend' as const, 'giveBack' as const),
        some: fc.integer({ min: 1, max: 4 }),
      }),
      fc.record({
        do: fc.constant('meet' as const),
        max: fc.integer({ min: 1, max: 6 }),
        priorities: fc.array(fc.constantFrom(0, 3), { minLength: 1, maxLength: 8 }),
      }),
      fc.record({
        do: fc.constantFrom('cancel' as const, 'reschedule' as const, 'watch' as const, 'redrive' as const),
        which: fc.nat(),
        delayMs: fc.constantFrom(undefined, 0, 3, 10_000),
        priority: fc.constantFrom(undefined, 0, 3, 9),
      }),
      fc.record({ do: fc.constantFrom('wait' as const, 'work' as const, 'purge' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(0, 5, 60_000),
        fc.array(step, { minLength: 5, maxLength: 40 }),
        async (keepResultsMs, steps) => {
          stage.nextQueue();
          await stage.configure({ maxReceives: 3, keepResultsMs });
          const held: Delivery[] = [];
          const ids: string[] = [];
          const note = (reply: Awaited<ReturnType<typeof stage.send>>) => {
            if (reply.outcome === 'sent')
              ids.push(...reply.messages.flatMap((one) => ('id' in one ? [one.id] : [])));
          };
          for (const action of steps) {
            if (action.do === 'send') {
              note(
                await stage.send(
                  ...action.messages.map(({ groupId, ttlMs, ...rest }) => ({
                    ...rest,
                    ...(groupId !== undefined && { groupId }),
                    ...(ttlMs !== undefined && { ttlMs }),
                  })),
                ),
              );
            } else if (action.do === 'receive')
              held.push(...deliveries(await stage.receive(action.max, action.visibility)));
            else if (action.do === 'meet') {
              // Nothing is ready any more, so one is parked; and messages meet it.
              held.push(...deliveries(await stage.receive(100)));
              const parked = await stage.park(`queue_1#${held.length}`, action.max);
              const reply = await stage.sendTo(
                [parked],
                action.priorities.map((priority) => ({ priority })),
              );
              if (reply.outcome === 'sent')
                held.push(...reply.handed.flatMap((handed) => deliveries(handed.deliveries)));
            } else if (action.do === 'ack') {
              const ended = held.splice(0, action.some);
              await stage.acknowledge(ended, action.some > 2 ? ended.map(() => '"r"') : null);
            } else if (action.do === 'nack') await stage.reject(held.splice(-action.some), undefined);
            else if (action.do === 'extend')
              await stage.extend(held.slice(0, action.some), 3, String(10 ** action.some));
            else if (action.do === 'giveBack') await stage.giveBack(held.splice(-action.some));
            else if ('which' in action) {
              const id = ids[action.which % Math.max(1, ids.length)] ?? '0-0';
              if (action.do === 'cancel') await stage.store.cancel(stage.queue, id, undefined);
              else if (action.do === 'redrive') await stage.store.redriveSome(stage.queue, [id], 'elsewhere');
              else if (action.do === 'watch') await stage.store.watch(stage.queue, [id], true);
              else await stage.store.reschedule(stage.queue, id, action.delayMs, action.priority);
            } else if (action.do === 'wait') await sleep(4);
            else if (action.do === 'work') await stage.store.doDueWork(stage.queue);
            else await stage.store.purge(stage.queue);
            expect(await stage.audit()).toEqual([]);
          }
          await stage.outbox.deliver(stage.queue);
          expect(await stage.audit()).toEqual([]);
        },
      ),
      { numRuns: 150 },
    );
  });
});
