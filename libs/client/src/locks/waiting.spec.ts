import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Lease as Grant } from '@syncline/contracts';
import { eventually } from '@syncline/testing';
import { Deployment, WAYS } from '../../../../test/stages/deployment.js';
import { LockClient, WaitTimeoutError } from '../index.js';
import { Transport } from '../transport/transport.js';
import { lockCall } from './lock-calls.js';
import { inOverlappingRequests } from './waiting.js';

describe.each(WAYS)('a wait for a lock over %s', (way) => {
  let deployment: Deployment;
  let lock: LockClient;

  beforeAll(async () => {
    deployment = await Deployment.start(way, 'lock');
    lock = (await deployment.connect()).lock;
  });
  afterAll(() => deployment?.stop());

  it('can last for ever, and ends when its signal aborts', async () => {
    const held = await lock.acquire('for-ever');
    const waiting = lock.acquire('for-ever', { waitMs: Infinity });
    await eventually(async () => expect((await lock.inspect('for-ever')).waiters).toHaveLength(1));
    const given = new AbortController();
    const other = lock.acquire('for-ever', { waitMs: Infinity, signal: given.signal });
    await eventually(async () => expect((await lock.inspect('for-ever')).waiters).toHaveLength(2));
    await held.release();
    await using lease = await waiting;
    expect(lease.isHeld).toBe(true);
    given.abort(new Error('enough'));
    await expect(other).rejects.toThrow('enough');
    await eventually(async () => expect((await lock.inspect('for-ever')).waiters).toHaveLength(0));
  });

  it.each(['a lock', 'a set', 'a semaphore'])('for ever ends at once when it is free: %s', async (what) => {
    const options = { waitMs: Infinity };
    await using held = await (what === 'a lock'
      ? lock.acquire('free', options)
      : what === 'a set'
        ? lock.acquireAll(['free-1', 'free-2'], options)
        : lock.semaphore('free', 2).acquire(options));
    expect(held.isHeld).toBe(true);
  });
});

describe('a wait of several requests', () => {
  let deployment: Deployment;
  let lock: LockClient;
  let transport: Transport;

  beforeAll(async () => {
    deployment = await Deployment.start('nodes', 'lock');
    lock = (await deployment.connect()).lock;
    transport = new Transport({ urls: deployment.nodes.map(({ url }) => url) });
  });
  afterAll(async () => {
    await transport?.close();
    await deployment?.stop();
  });

  it('keeps its place in the line from one request to the next', async () => {
    const held = await lock.acquire('turns');
    const leaseId = randomUUID();
    let turns = 0;
    const ask = async (waitMs: number) => {
      turns += 1;
      const fields = { owner: 'patient', leaseId, waitMs: Math.ceil(waitMs) };
      return transport.json<Grant>({
        ...lockCall('/v1/locks/turns/acquire', fields),
        waitMs,
        affinity: 'turns',
      });
    };
    const first = inOverlappingRequests(ask, Infinity, 1_000, 700);
    await eventually(async () => expect((await lock.inspect('turns')).waiters).toHaveLength(1));
    const second = lock.acquire('turns', { waitMs: Infinity, owner: 'later' });
    await eventually(() => expect(turns).toBeGreaterThan(4), 20_000);
    const { waiters } = await lock.inspect('turns');
    expect(waiters.map(({ owner }) => owner)).toEqual(['patient', 'later']);
    await held.release();
    const grant = await first;
    expect(grant).toMatchObject({ leaseId, owner: 'patient' });
    await transport.json(lockCall('/v1/locks/turns/release', { leaseId }));
    await (await second).release();
  });

  it('ends in time', async () => {
    await using _ = await lock.acquire('ends');
    const leaseId = randomUUID();
    const ask = (waitMs: number) =>
      transport.json<Grant>({
        ...lockCall('/v1/locks/ends/acquire', { owner: 'o', leaseId, waitMs: Math.ceil(waitMs) }),
        waitMs,
      });
    await expect(inOverlappingRequests(ask, 900, 400, 200)).rejects.toThrow(WaitTimeoutError);
    await eventually(async () => expect((await lock.inspect('ends')).waiters).toHaveLength(0));
  });

  it.each([Infinity, 2 ** 31 - 1])('of %d ms is one request that a node parks', async (waitMs) => {
    let asked = 0;
    let lives: () => void = () => undefined;
    const lived = new Promise<void>((resolve) => {
      lives = resolve;
    });
    const node = createServer((request, response) => {
      if (request.url === '/health/live') {
        response.end('{}');
        lives();
      } else asked += 1;
    }).listen(0, '127.0.0.1');
    await once(node, 'listening');
    const client = new LockClient({ urls: [`http://127.0.0.1:${(node.address() as AddressInfo).port}`] });
    const stop = new AbortController();
    const waiting = client.acquire('parked', { waitMs, signal: stop.signal });
    // The node is probed after a second.
    await lived;
    expect(asked).toBe(1);
    stop.abort();
    await expect(waiting).rejects.toThrow('aborted');
    await client.close();
    node.closeAllConnections();
    node.close();
  });
});
