import { once } from 'node:events';
import { jest } from '@jest/globals';
import { StoreUnavailable } from '@syncline/redis';
import { eventually } from '@syncline/testing';
import { Loop } from './loop.js';

const NEVER = Number.POSITIVE_INFINITY;

/** A task whose runs end when the test says so. */
function heldTask() {
  const ends: (() => void)[] = [];
  let most = 0;
  const task = jest.fn(async () => {
    await new Promise<void>((resolve) => {
      ends.push(resolve);
      most = Math.max(most, ends.length);
    });
  });
  return { task, endOne: () => ends.shift()?.(), mostAtOnce: () => most };
}

describe('Loop', () => {
  const logger = { error: jest.fn() };
  const loops: Loop[] = [];
  const loop = (...[task, everyMs]: [() => Promise<void>, number]) => {
    const made = new Loop(task, everyMs, logger);
    loops.push(made);
    return made;
  };
  beforeEach(() => logger.error.mockClear());
  afterEach(() => Promise.all(loops.splice(0).map((each) => each.stop())));

  it('repeats its task', async () => {
    const task = jest.fn(async () => {});
    loop(task, 1).start();
    await eventually(() => expect(task.mock.calls.length).toBeGreaterThan(3));
  });

  it('runs once more when run() is called during a run, and never twice at a time', async () => {
    const { task, endOne, mostAtOnce } = heldTask();
    const one = loop(task, NEVER);
    one.start();
    const first = one.run();
    void one.run();
    void one.run();
    expect(task).toHaveBeenCalledTimes(1);
    endOne();
    await eventually(() => expect(task).toHaveBeenCalledTimes(2));
    endOne();
    await first;
    expect(task).toHaveBeenCalledTimes(2);
    expect(mostAtOnce()).toBe(1);
  });

  it('runs again when run() is called at the moment when a run ends', async () => {
    const task = jest.fn(async () => {});
    const one = loop(task, NEVER);
    one.start();
    for (let n = 1; n <= 50; n++) {
      const running = one.run();
      for (let ticks = 0; ticks < n % 5; ticks++) await Promise.resolve();
      const before = task.mock.calls.length;
      await Promise.all([running, one.run()]);
      expect(task.mock.calls.length).toBe(before + 1);
    }
  });

  it('runs earlier with within(), never later', async () => {
    const task = jest.fn(async () => {});
    const one = loop(task, 60_000);
    one.start();
    one.within(1);
    one.within(30_000);
    await eventually(() => expect(task).toHaveBeenCalledTimes(1));
  });

  it('never runs before its due time, even months ahead', async () => {
    const early: number[] = [];
    let dueAt = 0;
    const one = loop(async () => {
      early.push(Math.max(0, dueAt - performance.now()));
    }, NEVER);
    one.start();
    for (let n = 1; n <= 30; n++) {
      const inMs = (n % 5) + n / 31;
      dueAt = performance.now() + inMs;
      one.within(inMs);
      await eventually(() => expect(early).toHaveLength(n));
    }
    expect(early).toEqual(Array(30).fill(0));
    one.within(2 ** 31);
    await once(AbortSignal.timeout(5), 'abort');
    expect(early).toHaveLength(30);
  });

  it('runs again soon after within() was called during a run', async () => {
    const { task, endOne } = heldTask();
    const one = loop(task, 60_000);
    one.start(0);
    await eventually(() => expect(task).toHaveBeenCalledTimes(1));
    one.within(1);
    endOne();
    await eventually(() => expect(task).toHaveBeenCalledTimes(2));
    endOne();
  });

  it('lets its task schedule the next run', async () => {
    let runs = 0;
    const one = loop(async () => {
      runs += 1;
      if (runs < 3) one.within(1);
    }, 60_000);
    one.start(0);
    await eventually(() => expect(runs).toBe(3));
  });

  it('continues after a failure, and logs it unless Redis cannot be reached', async () => {
    const failures = [new StoreUnavailable('Redis cannot be reached.'), new Error('a bug')];
    const task = jest.fn(async () => {
      const failure = failures.shift();
      if (failure) throw failure;
    });
    loop(task, 1).start(0);
    await eventually(() => expect(task.mock.calls.length).toBeGreaterThan(2));
    expect(logger.error).toHaveBeenCalledTimes(1);
    expect(logger.error).toHaveBeenCalledWith(expect.objectContaining({ message: 'a bug' }));
  });

  it('stop() resolves when the current run has ended, and no run follows', async () => {
    const { task, endOne } = heldTask();
    const one = loop(task, 1);
    one.start(0);
    await eventually(() => expect(task).toHaveBeenCalledTimes(1));
    void one.run();
    let stopped = false;
    const stopping = one.stop().then(() => {
      stopped = true;
    });
    await new Promise(setImmediate);
    expect(stopped).toBe(false);
    endOne();
    await stopping;
    await one.run();
    expect(task).toHaveBeenCalledTimes(1);
  });

  it('does nothing before start()', async () => {
    const task = jest.fn(async () => {});
    const one = loop(task, 1);
    await one.run();
    one.within(0);
    await once(AbortSignal.timeout(5), 'abort');
    expect(task).not.toHaveBeenCalled();
  });
});
