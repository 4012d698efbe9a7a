import { Drain, ShuttingDown } from '@syncline/runtime';
import { eventually } from '@syncline/testing';
import { ask, type LockNode, LockStage, lockKey } from '../../../../test/stages/lock-stage.js';
import { Deadlock, WaitTimeout } from '../lease/lease.errors.js';
import type { LeaseRequest } from '../lease/lease.js';
import { AbandonedRequests } from './abandoned-requests.js';
import { type WaitingRequest, Waits } from './waits.js';

const CONNECTED = new AbortController().signal;

describe('waits', () => {
  let stage: LockStage;
  let node: LockNode;
  let drain: Drain;
  let waits: Waits;
  const enter = (request: LeaseRequest) => waits.enter(node.leases.ticketFor(request));
  /** Enters a request that has to wait, and puts it into its queue. */
  const queue = async (names: string | string[], more: Partial<LeaseRequest> = {}) => {
    const request = ask(names, { owner: 'waiter', waitMs: 60_000, ...more });
    const waiting = enter(request);
    expect((await node.leases.acquire(request, waiting.ticket)).outcome).toBe('waiting');
    return waiting;
  };
  const park = (waiting: WaitingRequest, waitMs = 60_000) => waits.park(waiting, waitMs, CONNECTED);
  const hold = async (name: string, owner = 'holder') => {
    const request = ask(name, { owner });
    await node.acquire(request);
    return request;
  };

  beforeAll(async () => {
    stage = await LockStage.start();
  });
  beforeEach(async () => {
    [node] = await stage.reset('one');
    drain = new Drain();
    waits = new Waits(node.waits, new AbandonedRequests(node.waits), node.deadlocks, drain);
  });
  afterEach(() => drain.onModuleDestroy());
  afterAll(() => stage.stop());

  it('count requests with one lease id once, and end all of them by one outcome', async () => {
    const { leaseId } = await hold('a');
    const request = ask('a', { waitMs: 60_000 });
    const both = [enter(request), enter(request)];
    for (const each of both) await node.leases.acquire(request, each.ticket);
    expect(waits.size).toBe(1);
    const parked = both.map((each) => park(each));
    expect(waits.queuedIn(0)).toEqual([both[0]?.ticket.id]);
    await node.release('a', leaseId);
    await waits.collectOutcome(0, both[0]?.ticket.id ?? '');
    const [one, two] = await Promise.all(parked);
    expect(one).toMatchObject([{ leaseId: request.leaseId }]);
    expect(two).toEqual(one);
    expect(both.map((each) => waits.leave(each))).toEqual([false, true]);
    expect([waits.size, waits.leave(both[0] as WaitingRequest)]).toEqual([0, false]);
  });

  it('name as local waiters of a resource those that wait for it alone, the first four in their order', async () => {
    await hold('a');
    await hold('b');
    const twice = await queue('a');
    enter(ask('a', { leaseId: twice.ticket.id.slice(0, 36), waitMs: 1 }));
    await queue(['a', 'b']);
    const ended = await queue('a');
    ended.parked.fail(new Error('gone'));
    const [third, fourth] = [await queue('a'), await queue('a')];
    const other = await queue('b');
    expect(waits.localWaiters([lockKey('a'), lockKey('b'), lockKey('c')])).toEqual([third, other]);
    waits.leave(ended);
    expect(waits.localWaiters([lockKey('a')])).toEqual([third, fourth]);
  });

  it('give the lease of a local waiter that went away meanwhile to the next one', async () => {
    const { leaseId } = await hold('a');
    // Nobody can come back with a lease id that the node made up.
    const first = await queue('a', { leaseIdIsNew: true });
    const second = await queue('a', { owner: 'second' });
    const { served } = await node.leases.release(
      [lockKey('a')],
      leaseId,
      waits.localWaiters([lockKey('a')]).map(({ ticket }) => ticket),
    );
    expect(served.map(({ id }) => id)).toEqual([first.ticket.id]);
    waits.leave(first);
    const next = park(second);
    waits.deliver(first, served[0]?.leases ?? []);
    await eventually(async () => {
      await waits.collectOutcome(0, second.ticket.id);
      expect(second.parked.open).toBe(false);
    });
    expect(await next).toHaveLength(1);
  });

  it('end by their deadline, and leave the queue', async () => {
    await hold('a');
    await expect(park(await queue('a'), 10)).rejects.toBeInstanceOf(WaitTimeout);
    expect((await node.inspect('a')).waiters).toEqual([]);
  });

  it('end by a deadlock, without a hint', async () => {
    await hold('a', 'A');
    await hold('b', 'B');
    await queue('b', { owner: 'A' });
    await expect(park(await queue('a', { owner: 'B' }))).rejects.toBeInstanceOf(Deadlock);
  });

  it('end when the process stops, and keep their places for another node', async () => {
    await hold('a');
    const parked = park(await queue('a'));
    drain.onModuleDestroy();
    await expect(parked).rejects.toBeInstanceOf(ShuttingDown);
    expect(() => enter(ask('a'))).toThrow(ShuttingDown);
    expect((await node.inspect('a')).waiters).toHaveLength(1);
  });
});
