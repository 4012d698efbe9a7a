import type { Membership } from '@syncline/cluster';
import { Drain } from '@syncline/runtime';
import { eventually } from '@syncline/testing';
import { of } from 'rxjs';
import { ask, LockNode, LockStage } from '../../../../test/stages/lock-stage.js';
import { AbandonedRequests } from './abandoned-requests.js';
import { Heartbeat } from './heartbeat.js';
import { Waits } from './waits.js';

const CONNECTED = new AbortController().signal;

describe('the heartbeat of a node', () => {
  let stage: LockStage;
  let node: LockNode;
  let other: LockNode;
  let waits: Waits;
  let abandoned: AbandonedRequests;
  let heartbeat: Heartbeat;
  const queue = async (name: string, owner: string) => {
    const request = ask(name, { owner, waitMs: 60_000 });
    const waiting = waits.enter(node.leases.ticketFor(request));
    await node.leases.acquire(request, waiting.ticket);
    return waiting;
  };
  const holders = async (name: string) => (await other.inspect(name)).holders.map((holder) => holder.owner);

  beforeAll(async () => {
    stage = await LockStage.start();
  });
  beforeEach(async () => {
    [node, other] = await stage.reset('one', 'two');
    const drain = new Drain();
    abandoned = new AbandonedRequests(node.waits);
    waits = new Waits(node.waits, abandoned, node.deadlocks, drain);
    heartbeat = new Heartbeat(node.waits, waits, abandoned, {
      changed: of(['one']),
    } as unknown as Membership);
    heartbeat.onApplicationBootstrap();
  });
  afterEach(() => heartbeat.onModuleDestroy());
  afterAll(() => stage.stop());

  it('collects an outcome whose hint was lost', async () => {
    const held = ask('a');
    await other.acquire(held);
    const parked = waits.park(await queue('a', 'waiter'), 60_000, CONNECTED);
    await other.release('a', held.leaseId);
    expect(await parked).toMatchObject([{ owner: 'waiter' }]);
  });

  it('collects what a release of this node served, whose reply was lost', async () => {
    const held = ask('a');
    await other.acquire(held);
    const waiting = await queue('a', 'waiter');
    const parked = waits.park(waiting, 60_000, CONNECTED);
    await node.leases.release(['l/a'], held.leaseId, [waiting.ticket]);
    expect(await parked).toMatchObject([{ owner: 'waiter' }]);
  });

  it('gives up what Redis has for this node, and nobody here waits for', async () => {
    const held = ask('a');
    await other.acquire(held);
    await node.acquire(ask('a', { owner: 'forgotten', waitMs: 60_000 }));
    await eventually(async () => expect((await other.inspect('a')).waiters).toEqual([]), 10_000);
    expect(await holders('a')).toEqual(['o']);
  });

  it('gives up what became unknown while Redis was away, unless its client is back', async () => {
    const [gone, back] = [ask('a', { owner: 'gone' }), ask('b', { owner: 'back' })];
    const tickets = [gone, back].map((request) => node.leases.ticketFor(request));
    for (const [i, request] of [gone, back].entries()) {
      await node.leases.acquire(request, tickets[i] as (typeof tickets)[number]);
    }
    waits.enter(node.leases.ticketFor(back));
    for (const ticket of tickets) abandoned.giveUpLater(ticket);
    await eventually(async () => expect(await holders('a')).toEqual([]), 10_000);
    expect(await holders('b')).toEqual(['back']);
  });
});
