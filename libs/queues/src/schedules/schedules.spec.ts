import type { Membership } from '@syncline/cluster';
import { type PutSchedule, putScheduleSchema } from '@syncline/contracts';
import { Metrics, Tenants } from '@syncline/runtime';
import { eventually } from '@syncline/testing';
import { bodies, QueueScripts } from '../../../../test/stages/queue-scripts.js';
import { DeliveryMetrics } from '../delivery/delivery-metrics.js';
import { MessageBytes } from '../messages/message-bytes.js';
import { DueTimers } from '../timers/due-timers.js';
import { SchedulesService } from './schedules.service.js';

describe('schedules', () => {
  let stage: QueueScripts;
  let timers: DueTimers;
  let service: SchedulesService;
  let count = 0;
  let name: string;

  beforeAll(async () => {
    stage = await QueueScripts.start();
    // Nobody's timers run here, so that the tests say when something is sent.
    const nobody = { nodeId: 'queue_2', ownedLast: () => false } as unknown as Membership;
    timers = new DueTimers(
      stage.store,
      nobody,
      stage.outbox,
      stage.firing,
      new DeliveryMetrics(new Metrics()),
    );
    const tenants = new Tenants();
    const bytes = new MessageBytes(tenants, stage.store);
    const noTimers = { follow: (_, call) => call } as DueTimers;
    service = new SchedulesService(stage.schedules, stage.store, noTimers, tenants, bytes);
  });
  afterAll(async () => {
    timers.onModuleDestroy();
    await stage.stop();
  });
  beforeEach(() => {
    stage.nextQueue();
    name = `schedule-${count++}`;
  });
  afterEach(async () => {
    expect(await stage.audit()).toEqual([]);
  });

  const put = (given: Partial<Record<keyof PutSchedule, unknown>> = {}) => {
    const timing = 'cron' in given ? {} : { everyMs: 60_000, startAt: '2026-01-01T00:00:00Z' };
    const all = { queue: stage.queue, message: { body: 'x' }, ...timing, ...given };
    return service.put(name, putScheduleSchema.parse(all));
  };
  const key = (part: string) => `syncline:{queue:${stage.queue}}:${part}`;
  /** As if it had been due since a whole minute that is past. */
  const makeDue = async (minutesAgo = 0) => {
    const [id = ''] = await stage.redis.zrange(key('schedules'), '0', '-1');
    const [seconds] = await stage.redis.time();
    const at = (Math.floor(Number(seconds) / 60) - minutesAgo) * 60_000;
    await stage.redis.zadd(key('schedules'), at, id);
    return { id, at };
  };
  const received = async () => bodies(await stage.receive(1_000, 60_000));

  it('is shown as it was put, with the next five occurrences, and the same again changes nothing', async () => {
    const message = { body: { a: 1 }, headers: { b: 'c' }, priority: 3, groupId: 'g' };
    const schedule = await put({ cron: '0 9 * * *', timeZone: 'Europe/Berlin', message });
    expect(schedule).toMatchObject({ name, queue: stage.queue, cron: '0 9 * * *', missed: 'once', message });
    expect(schedule).toMatchObject({ everyMs: null, limit: null, paused: false, sent: 0, last: [] });
    expect(schedule.next).toHaveLength(5);
    expect(schedule.nextAt).toBe(schedule.next[0]);
    const every = await put();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await put()).toEqual(every);
  });

  it('goes on where it stands when its message or its limit changes, and begins anew with another timing', async () => {
    const { nextAt } = await put();
    expect(await put({ message: { body: 'y' }, limit: 2 })).toMatchObject({
      ...{ nextAt, message: { body: 'y' }, limit: 2 },
      next: [nextAt, expect.anything()],
    });
    const hourly = await put({ everyMs: 3_600_000, startAt: null });
    expect(Date.parse(hourly.nextAt ?? '')).toBeGreaterThan(Date.parse(nextAt ?? '') + 3_400_000);
  });

  it('sends each occurrence once, whichever nodes take it for theirs', async () => {
    await put({ missed: 'all', message: { body: 'due', headers: { a: 'b' } } });
    const { id, at } = await makeDue(3);
    // Ten that think that they are the owner, and one that saw it long ago and was frozen since.
    const seen = (await stage.schedules.due(stage.queue, 1))?.due[0];
    if (seen === undefined) throw new Error('expected one that is due');
    await Promise.all(Array.from({ length: 10 }, () => stage.firing.fire(stage.queue)));
    const late = await stage.schedules.fire(
      stage.queue,
      seen,
      [{ at: seen.at, delayMs: 0 }],
      seen.at + 60_000,
    );
    expect(late).toMatchObject({ outcome: 'moved' });
    const { last, sent, nextAt } = await service.get(name);
    expect(sent).toBe(last.length);
    expect(await received()).toEqual(Array(sent).fill('due'));
    const ats = last.map((one) => Date.parse(one.at));
    expect(ats.at(-1)).toBe(at);
    expect(last.map(({ messageId }) => messageId)).toEqual(ats.map((one) => `${id}.${one}`));
    expect(Date.parse(nextAt ?? '')).toBeGreaterThan(ats[0] ?? 0);
    expect(await stage.stats()).toMatchObject({ sent, inFlight: sent });
  });

  it('sends nothing before Redis says that it is time, whatever the clock of a node says', async () => {
    await put({ startAt: null });
    const [id = '', score = ''] = await stage.redis.zrange(key('schedules'), '0', '-1', 'WITHSCORES');
    const at = Number(score);
    const due = { id, at, name, rule: '', revision: '1', sent: 0 };
    const early = await stage.schedules.fire(stage.queue, due, [{ at, delayMs: 0 }], at + 60_000);
    expect(early).toMatchObject({ outcome: 'moved' });
    // The clock of Redis was set back: what was sent stays sent.
    expect(await stage.firing.fire(stage.queue)).toBeGreaterThan(0);
    expect(await received()).toEqual([]);
    expect(await stage.redis.zscore(key('schedules'), id)).toBe(score);
  });

  it('does not send an occurrence again that a change overtook', async () => {
    await put();
    await makeDue();
    const [seen] = (await stage.schedules.due(stage.queue, 1))?.due ?? [];
    if (seen === undefined) throw new Error('expected one that is due');
    await put({ message: { body: 'new' } });
    const stale = await stage.schedules.fire(stage.queue, seen, [{ at: seen.at, delayMs: 0 }], seen.at + 1);
    expect(stale).toMatchObject({ outcome: 'moved' });
    // A change is made on what was seen too.
    const [before = null] = (await stage.schedules.show(stage.queue, [seen.id])).schedules;
    await stage.firing.fire(stage.queue);
    expect(await received()).toEqual(['new']);
    const change = await stage.schedules.put(stage.queue, seen.id, before, seen.at, {});
    expect(change).toMatchObject({ outcome: 'changed' });
  });

  it('pauses, resumes with what comes then, and runs when it is told to', async () => {
    await put();
    await makeDue(10);
    expect(await service.pause(name, true)).toMatchObject({ paused: true, nextAt: null, next: [] });
    await stage.firing.fire(stage.queue);
    expect(await received()).toEqual([]);
    expect(await put({ message: { body: 'y' } })).toMatchObject({
      paused: true,
      nextAt: null,
    });
    const run = await service.run(name, () => {});
    expect(await received()).toEqual(['y']);
    const resumed = await service.pause(name, false);
    expect(resumed).toMatchObject({ paused: false, sent: 0, last: [run] });
    expect(Date.parse(resumed.nextAt ?? '')).toBeGreaterThan(Date.parse(run.at));
  });

  it('ends exactly with its limit, and goes on when that grows', async () => {
    await put({ everyMs: 1_000, missed: 'all', limit: 3 });
    await makeDue(1);
    await stage.firing.fire(stage.queue);
    expect(await service.get(name)).toMatchObject({ sent: 3, nextAt: null, next: [] });
    expect(await received()).toHaveLength(3);
    expect((await put({ everyMs: 1_000, missed: 'all', limit: 5 })).next).toHaveLength(2);
  });

  it('waits while its queue is full, and sends what there is room for', async () => {
    await stage.configure({ maxLength: 2 });
    await put({ missed: 'all', limit: 5 });
    await makeDue(4);
    expect(await stage.firing.fire(stage.queue)).toBe(1_000);
    expect(await stage.stats()).toMatchObject({ ready: 2 });
    await expect(service.run(name, () => {})).rejects.toMatchObject({ code: 'queue-full' });
    await stage.configure({ maxLength: null });
    await stage.firing.fire(stage.queue);
    expect(await stage.stats()).toMatchObject({ ready: 5, inFlight: 0 });
  });

  it('spreads its messages by the jitter', async () => {
    await put({ jitterMs: 86_400_000 });
    await makeDue();
    await stage.firing.fire(stage.queue);
    expect(await stage.stats()).toMatchObject({ delayed: 1, ready: 0 });
  });

  it('stays when its queue is purged, and goes with it', async () => {
    await put();
    await stage.send({ body: 1 });
    await stage.store.purge(stage.queue);
    expect(await service.get(name)).toMatchObject({ name });
    const removed = await stage.store.remove(stage.queue);
    expect(removed?.schedules).toMatchObject([{ name }]);
    await expect(service.get(name)).rejects.toMatchObject({ code: 'not-found' });
    expect(await stage.redis.keys(`${key('')}*`)).toEqual([]);
  });

  it('moves to another queue, and its former one sends nothing for it', async () => {
    const former = stage.queue;
    const { nextAt } = await put({ cron: '0 9 * * *' });
    stage.nextQueue();
    expect(await put({ cron: '0 9 * * *' })).toMatchObject({ queue: stage.queue, nextAt });
    expect(await stage.redis.keys(`syncline:{queue:${former}}:schedule*`)).toEqual([]);
    expect((await service.list('', null, 10)).schedules.filter((one) => one.name === name)).toHaveLength(1);
  });

  it('is one, however many put it at once, and where the last of them said', async () => {
    const queues = [stage.queue, `${stage.queue}-b`];
    const puts = Array.from({ length: 16 }, (_, i) => put({ queue: queues[i % 2], limit: 1 + (i % 3) }));
    const removals = Array.from({ length: 4 }, () => service.remove(name).catch(() => undefined));
    await Promise.all([...puts, ...removals]);
    const last = await put();
    expect(await service.get(name)).toEqual(last);
    const { schedules } = await service.list(name, null, 10);
    expect(schedules).toEqual([last]);
  });

  it('is removed at last when its name belongs to another one, and is given its name when that was lost', async () => {
    await put();
    const { id } = await makeDue();
    const [member = ''] = (await stage.redis.zrange('syncline:{queues}:schedules', '0', '-1')).filter((one) =>
      one.startsWith(`${name} `),
    );
    await stage.redis.zrem('syncline:{queues}:schedules', member);
    await stage.firing.fire(stage.queue);
    expect(await service.get(name)).toMatchObject({ sent: 1 });
    await makeDue();
    await stage.redis.zrem('syncline:{queues}:schedules', member);
    await stage.redis.zadd('syncline:{queues}:schedules', 0, `${name} elsewhere 0123`);
    await stage.firing.fire(stage.queue);
    expect(await received()).toEqual(['x']);
    expect(await stage.redis.exists(key(`schedule:${id}`))).toBe(0);
  });

  it('is listed in the order of names, page by page', async () => {
    const names = ['list', 'list-b', 'list.a', 'list/c', 'lista'].map((one) => `${name}:${one}`);
    const given = putScheduleSchema.parse({ queue: stage.queue, everyMs: 60_000, message: { body: 1 } });
    await Promise.all(names.map((one) => service.put(one, given)));
    const found: string[] = [];
    for (let cursor: string | null = null; ; ) {
      const page = await service.list(`${name}:list`, cursor, 2);
      found.push(...page.schedules.map((one) => one.name));
      cursor = page.cursor;
      if (cursor === null) break;
    }
    expect(found).toEqual(names);
  });

  it('is one of a bounded number in a queue', async () => {
    await put();
    const members = Array.from({ length: 999 }, (_, i) => ['inf', `other-${i}`]).flat();
    await stage.redis.zadd(key('schedules'), ...members);
    name = `${name}-more`;
    await expect(put()).rejects.toMatchObject({ code: 'queue-full', extra: { limit: 'schedules' } });
    await expect(service.get(name)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('is refused when it would never send anything', async () => {
    const endAt = '2020-01-01T00:00:00Z';
    await expect(put({ cron: '* * * * *', endAt })).rejects.toMatchObject({ errors: [{ path: 'endAt' }] });
    await expect(service.get(name)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('is sent by the timers of a node that knows of it, though it is not the owner', async () => {
    await put();
    await makeDue();
    timers.arm(stage.queue, 0);
    await eventually(async () => expect((await service.get(name)).sent).toBe(1));
    expect(await received()).toEqual(['x']);
  });
});
