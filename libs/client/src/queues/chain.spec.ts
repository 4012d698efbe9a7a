import { eventually } from '@syncline/testing';
import { Deployment, WAYS } from '../../../../test/stages/deployment.js';
import { type HandlerContext, QueueFullError, type Syncline } from '../index.js';

const SOON = { baseMs: 1, factor: 1, maxMs: 1 };

describe.each(WAYS)('messages that a handler sends, over %s:', (way) => {
  let deployment: Deployment;
  let syncline: Syncline;
  let name = '';
  let count = 0;

  beforeAll(async () => {
    deployment = await Deployment.start(way, 'queue');
    syncline = await deployment.connect();
  });
  afterAll(() => deployment?.stop());
  beforeEach(() => {
    name = `chained-${count++}`;
  });

  const stats = async (queue = name) => (await syncline.queue(queue).inspect()).stats;

  it('they are sent when it returns, none when it throws, and all options go with them', async () => {
    const queue = syncline.queue<string>(name);
    let tries = 0;
    await using _ = queue.worker(
      ({ body }, { send }) => {
        tries += 1;
        if (body !== 'first') return;
        send(`${name}.next`, { step: tries }, { headers: { a: 'b' }, priority: 7 });
        send(name, 'second');
        if (tries < 3) throw new Error('not yet');
        return 'kept by no queue';
      },
      { backoff: SOON, onError: () => undefined },
    );
    await queue.send('first');
    await eventually(async () => expect(await stats()).toMatchObject({ sent: 2, acked: 2, failed: 2 }));
    const next = await syncline.queue(`${name}.next`).receive({ max: 10 });
    expect(next).toMatchObject([{ body: { step: 3 }, headers: { a: 'b' }, priority: 7 }]);
  });

  it('one that is refused makes its message fail, with the reason', async () => {
    const queue = syncline.queue<string>(name);
    const full = syncline.queue<string>(`${name}.full`);
    await full.configure({ maxLength: 1 });
    const { id } = await queue.send('x');
    await full.send('there');
    const errors: unknown[] = [];
    await using _ = queue.worker((_, { send }) => send(full.name, 'one more'), {
      backoff: SOON,
      onError: (error) => errors.push(error),
    });
    await eventually(() => expect(errors[0]).toBeInstanceOf(QueueFullError));
    await full.purge();
    await eventually(async () => expect(await stats()).toMatchObject({ acked: 1 }));
    expect((await stats(full.name)).sent).toBe(2);
    await expect(queue.message(id)).rejects.toThrow();
  });

  it('what cannot be sent is refused where it is given', async () => {
    const queue = syncline.queue<string>(name);
    const thrown: unknown[] = [];
    let late: HandlerContext | undefined;
    const attempt = (run: () => void) => {
      try {
        run();
      } catch (error) {
        thrown.push(error);
      }
    };
    await using _ = queue.worker((_, context) => {
      late = context;
      attempt(() => context.send('a', undefined));
      attempt(() => context.send('a', 10n));
      for (let i = 0; i < 11; i += 1) attempt(() => context.send(`${name}.many`, i));
    });
    await queue.send('x');
    await eventually(async () => expect(await stats()).toMatchObject({ acked: 1 }));
    attempt(() => late?.send('a', 1));
    expect(thrown).toEqual([
      expect.any(TypeError),
      expect.any(TypeError),
      expect.any(RangeError),
      expect.objectContaining({ message: expect.stringContaining('has ended') }),
    ]);
    await eventually(async () => expect((await stats(`${name}.many`)).sent).toBe(10));
  });

  it('an ack without a worker sends, too, and a repeated one sends nothing more', async () => {
    const queue = syncline.queue<string>(name);
    await queue.configure({ keepResultsMs: 60_000 });
    const { id } = await queue.send('x');
    const [message] = await queue.receive();
    const send = [{ queue: '__proto__', body: { n: 1 }, deduplicationId: name }];
    const acks = [1, 2, 3].map(() => queue.ack(message?.receipt ?? '', 'done', { send }));
    expect(await Promise.all(acks)).toEqual(['acked', 'acked', 'acked']);
    expect(await queue.result(id)).toBe('done');
    expect(await syncline.queue('__proto__').receive({ max: 10 })).toMatchObject([{ body: { n: 1 } }]);
    await syncline.queue('__proto__').delete();
  });
});
