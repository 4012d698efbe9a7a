import { eventually } from '@syncline/testing';
import { Deployment, WAYS } from '../../../../test/stages/deployment.js';
import { NotFoundError, PayloadTooLargeError, type Syncline, ValidationError } from '../index.js';

const RULE = { queue: 'reports', cron: '0 9 * * MON-FRI', message: { body: { report: 'daily' } } };

describe.each(WAYS)('schedules over %s:', (way) => {
  let deployment: Deployment;
  let syncline: Syncline;

  beforeAll(async () => {
    deployment = await Deployment.start(way, 'queue');
    syncline = await deployment.connect();
  });
  afterAll(() => deployment?.stop());

  it('a schedule is made, shown, listed, paused, run and deleted', async () => {
    const { schedules } = syncline;
    const startAt = new Date('2020-02-29T12:00:00Z');
    const made = await schedules.put('daily', { ...RULE, timeZone: 'Europe/Berlin', startAt });
    expect(made).toMatchObject({ name: 'daily', ...RULE, startAt: startAt.toISOString(), paused: false });
    expect(made.next).toHaveLength(5);
    expect(await schedules.get('daily')).toEqual(made);
    expect((await schedules.pause('daily')).nextAt).toBeNull();
    const run = await schedules.run('daily');
    const [message] = await syncline.queue('reports').receive();
    expect(message).toMatchObject({ id: run.messageId, body: { report: 'daily' } });
    expect(await schedules.resume('daily')).toEqual({ ...made, last: [run] });
    await schedules.delete('daily');
    for (const call of ['get', 'delete', 'run', 'pause', 'resume'] as const) {
      await expect(schedules[call]('daily')).rejects.toThrow(NotFoundError);
    }
  });

  it('schedules are listed page by page, with any name', async () => {
    const { schedules } = syncline;
    const names = ['__proto__', 'constructor', ...Array.from({ length: 120 }, (_, i) => `many/${100 + i}`)];
    await Promise.all(names.map((name) => schedules.put(name, { ...RULE, limit: 1 })));
    const listed: string[] = [];
    for await (const { name } of schedules.list()) listed.push(name);
    expect(listed).toEqual([...names].sort());
    for await (const { name } of schedules.list('many/219')) expect(name).toBe('many/219');
    await Promise.all(names.map((name) => schedules.delete(name)));
    for await (const { name } of schedules.list()) throw new Error(`${name} is still there`);
  });

  it('a schedule that is not valid is refused with the error of its kind', async () => {
    const { schedules } = syncline;
    const refused = [
      [{ ...RULE, cron: '0 25 * * *' }, ValidationError],
      [{ ...RULE, everyMs: 1_000 }, ValidationError],
      [{ ...RULE, message: { body: undefined } }, ValidationError],
      [{ ...RULE, message: { body: 10n } }, TypeError],
      [{ ...RULE, message: { body: 'x'.repeat(262_145) } }, PayloadTooLargeError],
    ] as const;
    for (const [rule, error] of refused) {
      await expect(schedules.put('wrong', rule)).rejects.toThrow(error);
    }
    await expect(schedules.put('a b', RULE)).rejects.toThrow(ValidationError);
    await expect(schedules.get('wrong')).rejects.toThrow(NotFoundError);
  });

  it('a worker gets the message of each occurrence', async () => {
    const bodies: unknown[] = [];
    await using _ = syncline.worker('ticks', ({ body }) => bodies.push(body));
    await syncline.schedules.put('tick', {
      queue: 'ticks',
      everyMs: 100,
      limit: 3,
      message: { body: 'tick' },
    });
    await eventually(() => expect(bodies).toEqual(['tick', 'tick', 'tick']));
    expect(await syncline.schedules.get('tick')).toMatchObject({ sent: 3, nextAt: null });
  });
});
