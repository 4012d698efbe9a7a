import { ROLES } from '@syncline/contracts';
import { embed } from '@syncline/embedded';
import { eventually, freePort, RedisServer } from '@syncline/testing';
import { Cli, CliHost } from './cli.process.js';

let redis: RedisServer;
/** A member that stays. */
let syncline: Awaited<ReturnType<typeof embed>>;
/** Each run as a process of its own. */
let processes: Cli;
let cli: CliHost;

beforeAll(async () => {
  redis = await RedisServer.start();
  syncline = await embed({ redis: redis.url, name: 'service' });
  processes = new Cli([], { SYNCLINE_REDIS: redis.url });
  cli = new CliHost([], processes.environment);
});
afterAll(async () => {
  redis?.thaw();
  cli?.stop();
  await syncline?.close();
  await redis?.stop();
});

describe('syncline without nodes', () => {
  it('is a member beside others while it runs, takes over no timers, and leaves at once', async () => {
    const clusters = await processes.json('cluster');
    expect(clusters.map(({ role }: { role: string }) => role)).toEqual(ROLES);
    for (const { members } of clusters) {
      expect(members).toEqual([
        expect.objectContaining({ nodeId: expect.stringMatching(/^cli_/), kind: 'embedded', share: 0 }),
        expect.objectContaining({ nodeId: expect.stringMatching(/^service_/), share: 1 }),
      ]);
    }
    expect((await syncline.lock.cluster()).members).toHaveLength(1);
  });

  it('inspects and releases locks', async () => {
    const lease = await syncline.lock.acquire('held', { owner: 'ann' });
    const [shown, waits, deadlocks] = await Promise.all([
      cli.json('lock', 'show', 'held'),
      cli.json('lock', 'waits'),
      cli.json('lock', 'deadlocks'),
    ]);
    expect([shown.holders[0].owner, waits, deadlocks]).toEqual(['ann', [], []]);
    expect(await cli.text('lock', 'release', 'held')).toBe(
      `Revoked held from ann, lease ${lease.leaseId}.\n`,
    );
  });

  it('acquires a lock that stays held after the command, and releases it by its lease', async () => {
    const { leaseId } = await processes.json('lock', 'acquire', 'kept', '--ttl', '1h', '--owner', 'cron');
    expect((await syncline.lock.inspect('kept')).holders).toMatchObject([
      { owner: 'cron', ttlMs: 3_600_000 },
    ]);
    await cli.text('lock', 'release', 'kept', '--lease', leaseId);
    expect((await syncline.lock.inspect('kept')).mode).toBe('free');
  });

  it('lists semaphores and sessions, and ends them', async () => {
    const { lock } = syncline;
    const permits = await lock.semaphore('slots', 2).acquire();
    const session = await lock.session({ owner: 'crew' });
    expect((await lock.semaphores('slo').next()).value).toMatchObject({ name: 'slots', used: 1 });
    expect((await lock.sessions('crew').next()).value).toMatchObject({ sessionId: session.sessionId });
    expect((await lock.inspectSession(session.sessionId)).leases).toEqual([]);
    expect(await lock.semaphore('slots').revoke('test')).toEqual([permits.leaseId]);
    await lock.endSession(session.sessionId);
    await Promise.allSettled([permits.release(), session.release()]);
  });

  it('sends, shows, changes and ends messages', async () => {
    const { id } = await cli.json('queue', 'send', 'q', '{"n":1}', '--delay', '1h');
    expect(await cli.text('queue', 'reschedule', 'q', id, '--delay', '0s')).toMatch(/\nstate +ready\n/);
    const [{ receipt }] = await cli.json('queue', 'receive', 'q', '--wait', '5s');
    expect(await cli.json('queue', 'nack', 'q', receipt, '--dead')).toEqual([{ receipt, status: 'dead' }]);
    expect(await cli.json('queue', 'redrive', 'q.dead')).toEqual({ moved: 1 });
    const [again] = await cli.json('queue', 'receive', 'q');
    expect(await cli.json('queue', 'ack', 'q', again.receipt)).toMatchObject([{ status: 'acked' }]);
    expect((await cli.json('queue', 'stats', 'q')).stats).toMatchObject({ acked: 1, ready: 0 });
    expect(await cli.text('queue', 'ls')).toMatch(/\nq +0 +0 +0 +0 /);
    const declared = 'queues: { q: { maxReceives: 2 } }';
    expect((await cli.run(['apply', '-f', '-'], declared)).stdout.toString()).toContain('5 -> 2\n');
    expect((await cli.run(['apply', '-f', '-', '--dry-run'], declared)).code).toBe(0);
    const other = await syncline.queue('q').send(2);
    expect(await cli.text('queue', 'cancel', 'q', other.id)).toBe(`Cancelled ${other.id}.\n`);
  });

  it('changes entries, which members with the old value in memory see at once', async () => {
    const cache = syncline.cache<number>('prices');
    await cache.set('sku', 1);
    await eventually(async () => {
      await cache.get('sku');
      expect(cache.peek('sku')).toBe(1);
    });
    await cli.text('cache', 'set', 'prices', 'sku', '2');
    expect(cache.peek('sku')).toBeUndefined();
    expect(await cache.get('sku')).toBe(2);
    expect(await cli.text('cache', 'ls', 'prices')).toMatch(/\nsku +1 +never /);
    expect(await cli.json('cache', 'stats', 'prices')).toMatchObject({ name: 'prices' });
    await cli.text('cache', 'del', 'prices', 'sku');
    expect(await cache.get('sku')).toBeUndefined();
  });

  it('has the namespace and the durability that the environment names', async () => {
    const there = new Cli([], { ...cli.environment, SYNCLINE_NAMESPACE: 'other' });
    await using _ = await syncline.lock.acquire('apart');
    expect(await there.json('lock', 'ls')).toEqual([]);
    const durable = new Cli([], { ...cli.environment, SYNCLINE_LOCK_DURABILITY: 'replicated' });
    const { code, stderr } = await durable.run(['lock', 'run', 'safe', '--', 'true']);
    expect([code, stderr]).toEqual([69, expect.stringContaining('replica')]);
  });

  it('tells what is wrong with its Redis, and that there is none', async () => {
    const to = (url: string) => processes.run(['lock', 'ls', '--redis', url]);
    const [none, wrong, both] = await Promise.all([
      to(`redis://:secret@127.0.0.1:${await freePort()}`),
      to('http://127.0.0.1'),
      processes.run(['lock', 'ls', '--redis', redis.url, '--url', 'http://127.0.0.1:1']),
    ]);
    expect([none.code, wrong.code, both.code]).toEqual([69, 2, 2]);
    expect(none.stderr).toMatch(/\nsyncline: Redis does not answer/);
    expect(none.stderr).not.toContain('secret');
    expect(wrong.stderr).toContain('no scheme of Redis');
    expect(both.stderr).toContain("cannot be used with option '--url");
    // Nodes that are named win over a Redis of the environment.
    expect((await cli.run(['lock', 'ls', '--url', 'http://127.0.0.1:1', '--timeout', '1s'])).code).toBe(69);
  });
});

describe('syncline apply', () => {
  const apply = (text: string, ...options: string[]) => cli.run(['apply', '-f', '-', ...options], text);
  const shop = (maxReceives: number, body: string) => `
queues:
  shop: { maxReceives: ${maxReceives}, backoff: { baseMs: 1000, factor: 2, maxMs: 60000 } }
  __proto__:
schedules:
  shop-report:
    queue: shop
    cron: 0 9 * * MON-FRI
    startAt: 2026-01-31T09:30:00+01:00
    message: { body: { report: ${body}, of: -0 }, headers: { __proto__: x } }
`;

  it('makes what a file declares and nothing else, and a second time finds nothing to do', async () => {
    await cli.text('queue', 'configure', 'shop', 'maxReceives=5', 'maxLength=9');
    await cli.text('queue', 'configure', 'beside', 'maxReceives=7');
    const shown = await apply(shop(5, 'daily'), '--dry-run');
    expect(shown.stdout.toString()).toBe(`~ queue shop
    maxLength: 9 -> null
    backoff: null -> {"baseMs":1000,"factor":2,"maxMs":60000}
+ queue __proto__
+ schedule shop-report
    queue: "shop"
    cron: "0 9 * * MON-FRI"
    startAt: "2026-01-31T09:30:00+01:00"
    message: {"body":{"report":"daily","of":0},"headers":{"__proto__":"x"}}
2 new, 1 changed, 0 unchanged.
`);
    expect(shown.code).toBe(1);
    expect((await cli.run(['schedule', 'show', 'shop-report'])).code).toBe(1);

    const made = await apply(shop(5, 'daily'));
    expect([made.code, made.stdout.toString()]).toEqual([0, `${shown.stdout}Applied 3.\n`]);
    const again = await apply(shop(5, 'daily'), '--dry-run');
    expect([again.code, again.stdout.toString()]).toEqual([0, '0 new, 0 changed, 3 unchanged.\n']);

    const changed = await apply(shop(4, 'weekly'), '--json');
    expect(JSON.parse(changed.stdout.toString())).toEqual({
      changes: [
        {
          ...{ kind: 'queue', name: 'shop', isNew: false, applied: true },
          fields: [{ field: 'maxReceives', from: 5, to: 4 }],
        },
        {
          ...{ kind: 'schedule', name: 'shop-report', isNew: false, applied: true },
          fields: [{ field: 'message.body.report', from: 'daily', to: 'weekly' }],
        },
      ],
      unchanged: 1,
    });
    expect(await cli.json('queue', 'stats', 'shop')).toMatchObject({ maxReceives: 4, maxLength: null });
    expect(await cli.json('queue', 'stats', 'beside')).toMatchObject({ maxReceives: 7 });
  });

  it('writes nothing when one of many is wrong, and says where it is', async () => {
    const { code, stdout, stderr } = await apply(`queues:\n  fine: {}\n  wrong:\n    maxReceives: 0\n`);
    expect([code, stdout.toString()]).toEqual([2, '']);
    expect(stderr).toBe(
      'syncline: -:4:5: queues.wrong.maxReceives: expected at least 1\nsyncline: nothing was applied\n',
    );
    expect((await cli.run(['queue', 'stats', 'fine'])).code).toBe(1);
    expect((await cli.run(['apply', '-f', '/nowhere.yaml'])).code).toBe(2);
  });

  it('says what it applied when a write is refused, and goes on from there the next time', async () => {
    const files = (endAt: string) => `
queues: { first: }
schedules:
  over: { queue: first, everyMs: 60000, endAt: ${endAt}, message: { body: 1 } }
  later: { queue: first, everyMs: 60000, message: { body: 2 } }
`;
    const { code, stderr } = await apply(files('2020-01-01T00:00:00Z'));
    expect(code).toBe(2);
    expect(stderr).toMatch(
      / applied: queue first; not applied: schedule over, schedule later\n(.*\n)*.*endAt/,
    );
    expect((await cli.run(['schedule', 'show', 'later'])).code).toBe(1);
    const { stdout } = await apply(files('2999-01-01T00:00:00Z'));
    expect(stdout.toString()).toMatch(/\n2 new, 0 changed, 1 unchanged\.\nApplied 2\.\n$/);
  });
});

describe('syncline lock run without nodes', () => {
  const run = (name: string, options: readonly string[], script: string) =>
    processes.start('lock', 'run', name, ...options, '--', 'sh', '-c', script);
  const lineOf = async (name: string) => (await syncline.lock.inspect(name)).waiters;

  it('waits in line beside other members, and leaves it when it is interrupted', async () => {
    const held = await syncline.lock.acquire('single');
    const waiting = run('single', ['--wait', 'forever'], 'echo "in"; exit 3');
    const interrupted = run('single', ['--wait', '5m'], 'echo never');
    await eventually(async () => expect(await lineOf('single')).toHaveLength(2));
    interrupted.process.kill('SIGINT');
    expect([await interrupted.exited, interrupted.output]).toEqual([130, 'syncline: ended by SIGINT']);
    await eventually(async () => expect(await lineOf('single')).toHaveLength(1));
    await held.release();
    expect([await waiting.exited, waiting.output]).toEqual([3, 'in']);
    await using _ = await syncline.lock.acquire('single', { waitMs: 60_000 });
  });

  it('renews while the command runs, and ends it before another owner gets the lock', async () => {
    const ttlMs = 3_000;
    const ticks = "trap '' TERM; while :; do echo tick $(date +%s%3N); sleep 0.05; done";
    const command = run('lost', ['--ttl', `${ttlMs}ms`, '--grace', '500ms'], ticks);
    await command.printed(/^tick /);
    const [before] = (await syncline.lock.inspect('lost')).holders;
    await eventually(async () => {
      const [now] = (await syncline.lock.inspect('lost')).holders;
      expect(Date.parse(now?.expiresAt ?? '')).toBeGreaterThan(Date.parse(before?.expiresAt ?? '') + ttlMs);
    });
    redis.freeze();
    const frozenAt = Date.now();
    try {
      expect(await command.exited).toBe(79);
      const lastTickAt = Number([...command.output.matchAll(/^tick (\d+)$/gm)].at(-1)?.[1]);
      expect(lastTickAt - frozenAt).toBeLessThan(ttlMs);
      expect(command.output).toContain('syncline: the lease of lost was lost.');
    } finally {
      redis.thaw();
    }
  });
});
