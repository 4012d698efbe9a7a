import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Lease, Syncline } from '@syncline/client';
import { embed } from '@syncline/embedded';
import { Child, eventually, RedisServer } from '@syncline/testing';

const MEMBER = join(process.cwd(), 'test/faults/client/embedded-member.mjs');

describe('a process with engines of its own', () => {
  let redis: RedisServer;
  let survivor: Syncline;
  let victim: Child;

  beforeAll(async () => {
    redis = await RedisServer.start();
    survivor = await embed({ redis: redis.url, name: 'survivor' });
  });
  beforeEach(async () => {
    victim = new Child(
      'victim',
      spawn(process.execPath, ['--unhandled-rejections=strict', MEMBER, redis.url]),
    );
    await victim.printed(/^ready$/);
  });
  afterEach(() => victim.kill());
  afterAll(async () => {
    await survivor?.close();
    await redis?.stop();
  });

  const say = (line: string) => victim.process.stdin?.write(`${line}\n`);
  const hold = async (name: string) => {
    say(`hold ${name}`);
    const [, token = ''] = await victim.printed(new RegExp(`^held ${name} (\\d+)$`));
    return BigInt(token);
  };
  /** Waits for what the victim holds. */
  const takeOver = async (name: string, token: bigint): Promise<Lease> => {
    const lease = await survivor.lock.acquire(name, { waitMs: 60_000 });
    expect(BigInt(lease.fencingToken)).toBeGreaterThan(token);
    return lease;
  };
  const victims = async () =>
    (await survivor.lock.cluster()).members.filter(({ nodeId }) => nodeId.startsWith('victim_'));

  it('that blocks its event loop knows at once, when it goes on, that its lease is over', async () => {
    const token = await hold('blocked');
    say('block 5000');
    await using lease = await takeOver('blocked', token);
    await victim.printed(/^after the block blocked false$/);
    await victim.printed(/^lost blocked$/);
    expect(lease.isHeld).toBe(true);
    // It was removed meanwhile: it joins again, and works.
    await hold('after-block');
    await eventually(async () => expect(await victims()).toMatchObject([{ state: 'alive' }]));
  });

  it('that is frozen loses its lease and its membership, and takes part again when it goes on', async () => {
    const token = await hold('frozen');
    victim.freeze();
    await using lease = await takeOver('frozen', token);
    await eventually(async () => expect(await victims()).toEqual([]));
    victim.thaw();
    await victim.printed(/^lost frozen$/);
    expect(lease.isHeld).toBe(true);
    await hold('after-freeze');
    await eventually(async () => expect(await victims()).toMatchObject([{ state: 'alive' }]));
  });

  it('that is killed delays others by its TTL alone, also where it stood in the line before them', async () => {
    const token = await hold('killed');
    const held = await survivor.lock.acquire('line');
    say('hold line');
    await eventually(async () => expect((await survivor.lock.inspect('line')).waiters).toHaveLength(1));
    const behind = survivor.lock.acquire('line', { waitMs: 60_000 });
    await eventually(async () => expect((await survivor.lock.inspect('line')).waiters).toHaveLength(2));
    await victim.kill();
    await held.release();
    await (await behind).release();
    await (await takeOver('killed', token)).release();
    await eventually(async () => expect(await victims()).toEqual([]));
  });

  let questions = 0;
  /** When the victim last had a value in its memory. */
  const lastSeen = async (value: number) => {
    const asked = `${value} ${++questions}`;
    say(`seen ${asked}`);
    const [, at = ''] = await victim.printed(new RegExp(`^seen ${asked} (\\d+)$`));
    return BigInt(at);
  };

  it.each([
    ['blocks its event loop', () => say('block 3000'), () => {}],
    ['is frozen', () => victim.freeze(), () => victim.thaw()],
  ])(
    'that %s serves nothing from its memory that is older than an answered write',
    async (how, strike, end) => {
      const cache = survivor.cache<number>('faults');
      await cache.set(how, 1);
      say(`watch ${how}`);
      await eventually(async () => expect(await lastSeen(1)).toBeGreaterThan(0n));
      strike();
      await cache.set(how, 2);
      const answeredAt = process.hrtime.bigint();
      end();
      await eventually(async () => expect(await lastSeen(2)).toBeGreaterThan(answeredAt));
      expect(await lastSeen(1)).toBeLessThan(answeredAt);
    },
  );

  it.each([
    ['is frozen', () => victim.freeze(), true],
    ['is killed', () => victim.kill(), false],
  ])('that %s loses the messages that it handles, and nobody else does', async (how, strike, goesOn) => {
    const queue = survivor.queue<string>(goesOn ? 'frozen' : 'killed');
    await queue.send(how);
    say(`work ${queue.name}`);
    await victim.printed(new RegExp(`^handling ${how}$`));
    await strike();
    const [message] = await queue.receive({ waitMs: 30_000 });
    expect(message).toMatchObject({ body: how, receiveCount: 2 });
    if (goesOn) {
      victim.thaw();
      await victim.printed(new RegExp(`^lost ${how}$`));
    }
    expect(await queue.ack(message?.receipt ?? '')).toBe('acked');
    expect((await queue.inspect()).stats).toMatchObject({ ready: 0, inFlight: 0, acked: 1 });
  });

  it('that is closed leaves nothing that keeps it alive', async () => {
    // Those of the tests before are gone.
    await eventually(async () => expect(await victims()).toHaveLength(1));
    await hold('closing');
    say('close');
    expect(await victim.exited).toBe(0);
    expect(await victims()).toEqual([]);
  });
});
