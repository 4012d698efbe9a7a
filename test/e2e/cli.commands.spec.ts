import { LockClient } from '@syncline/client';
import { eventually, NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';
import { Cli, CliHost } from './cli.process.js';

let redis: RedisServer;
let nodes: NodeProcess[];
let locks: LockClient;
let cli: CliHost;

beforeAll(async () => {
  redis = await RedisServer.start();
  const started = await Promise.all(
    (['lock', 'queue', 'cache'] as const).map((role) => startNodes(role, 2, { redisUrl: redis.url })),
  );
  nodes = started.flat();
  locks = new LockClient({ urls: (started[0] ?? []).map(({ url }) => url) });
  cli = new CliHost(nodes);
});
afterAll(async () => {
  cli?.stop();
  await locks?.close();
  await stopAll(nodes ?? []);
  await redis?.stop();
});

describe('syncline lock', () => {
  it('lists locks, shows a lock, and revokes the lease of its holder', async () => {
    const lease = await locks.acquire('invoice-1', { owner: 'ann' });
    const waiting = locks.acquire('invoice-1', { owner: 'bob', waitMs: 20_000 });
    await eventually(async () => expect((await locks.inspect('invoice-1')).waiters).toHaveLength(1));

    const [listed, asJson, shown, shownJson] = await Promise.all([
      cli.text('lock', 'ls', '--prefix', 'invoice-'),
      cli.json('lock', 'ls', '--prefix', 'invoice-'),
      cli.text('lock', 'show', 'invoice-1'),
      cli.json('lock', 'show', 'invoice-1'),
    ]);
    expect(listed).toMatch(
      /^NAME +MODE +HOLDERS +WAITING +UNTIL\ninvoice-1 +exclusive +ann +1 +\d{4}-.*Z\n$/,
    );
    expect(asJson).toEqual([expect.objectContaining({ name: 'invoice-1', mode: 'exclusive' })]);
    expect(shown).toContain(lease.fencingToken);
    expect(shown).toMatch(/HOLDER[\s\S]*ann[\s\S]*WAITER[\s\S]*bob/);
    expect(shownJson).toMatchObject({
      name: 'invoice-1',
      holders: [{ owner: 'ann', fencingToken: lease.fencingToken }],
      waiters: [{ owner: 'bob', position: 1 }],
    });

    const released = await cli.text('lock', 'release', 'invoice-1', '--reason', 'ann is gone');
    expect(released).toBe(`Revoked invoice-1 from ann, lease ${lease.leaseId}.\n`);
    const next = await waiting;
    expect(await cli.json('lock', 'release', 'invoice-1')).toEqual({ revoked: [next.leaseId] });
    expect(await cli.text('lock', 'release', 'invoice-1')).toBe('Nobody held invoice-1.\n');
    await Promise.allSettled([lease.release(), next.release()]);
  });

  it('prints an empty list when no lock is held', async () => {
    expect(await cli.json('lock', 'waits')).toEqual([]);
    expect(await cli.text('lock', 'waits')).toBe('Nobody waits.\n');
    expect(await cli.text('lock', 'deadlocks')).toBe('No deadlock within a day.\n');
    expect(await cli.json('lock', 'ls', '--prefix', 'nothing')).toEqual([]);
    const { stdout, stderr, code } = await cli.run(['lock', 'ls', '--prefix', 'nothing']);
    expect([code, stdout.toString(), stderr]).toEqual([0, '', 'syncline: no lock has holders or waiters.\n']);
  });

  it('acquires a lock that stays held, extends its lease and releases it', async () => {
    const grant = await cli.json('lock', 'acquire', 'deploy', '--ttl', '10m', '--owner', 'ci');
    expect(grant).toMatchObject({ name: 'deploy', owner: 'ci', ttlMs: 600_000 });
    const { leaseId } = grant;
    const refused = await cli.run(['lock', 'acquire', 'deploy']);
    expect(refused).toMatchObject({ code: 75, stderr: expect.stringContaining('lock show') });
    expect(await cli.text('lock', 'extend', 'deploy', leaseId, '--ttl', '20m')).toMatch(
      /^Extended deploy until \d{4}-.*Z\.\n$/,
    );
    const [holder] = (await locks.inspect('deploy')).holders;
    expect(holder).toMatchObject({ fencingToken: grant.fencingToken, ttlMs: 1_200_000 });
    const waiting = cli.text('lock', 'acquire', 'deploy', '--wait', '20s', '--shared');
    await eventually(async () => expect((await locks.inspect('deploy')).waiters).toHaveLength(1));
    expect(await cli.text('lock', 'release', 'deploy', '--lease', leaseId)).toBe('Released deploy.\n');
    expect(await waiting).toMatch(/^Acquired deploy until \S+, lease \S+, fencing token \d+\.\n$/);
    expect((await locks.inspect('deploy')).mode).toBe('shared');
    expect((await cli.run(['lock', 'extend', 'deploy', leaseId])).code).toBe(79);
  });

  it('prints who holds a lock, until it is interrupted', async () => {
    const watching = cli.start('lock', 'watch', 'watched');
    await watching.printed(/^\S+Z nobody$/);
    const lease = await locks.acquire('watched', { owner: 'ann' });
    await watching.printed(new RegExp(`Z ann, exclusive, fencing token ${lease.fencingToken}, until `));
    await lease.release();
    await eventually(() => expect(watching.output).toMatch(/ ann,.*\n\S+Z nobody$/));
    expect(await watching.stop()).toBe(0);
  });

  it('escapes control characters in owner names', async () => {
    await using _ = await locks.acquire('steered', { owner: 'eve\u001b[2J\u009b1m\u202e' });
    const shown = await cli.text('lock', 'show', 'steered');
    expect(shown).toContain('eve\\u{1b}[2J\\u{9b}1m\\u{202e}');
    expect(shown).toMatch(/^[\n\P{C}]*$/u);
  });
});

describe('syncline semaphore', () => {
  it('lists, shows, resizes and releases semaphores', async () => {
    await using _ = await locks.semaphore('slots', 3).acquire({ permits: 2, owner: 'ann' });
    expect(await cli.text('semaphore', 'ls')).toMatch(/\nslots +2 +3 +ann +0 +2\S+Z\n$/);
    expect(await cli.text('semaphore', 'resize', 'slots', '5')).toBe('slots has 5 permits from now on.\n');
    expect(await cli.text('semaphore', 'show', 'slots')).toMatch(
      /^2 of 5 permits of slots are held\.\n\nHOLDER[^\n]*\nann +2 +\d+ /,
    );
    expect(await cli.text('semaphore', 'release', 'slots')).toMatch(/^Revoked slots from ann, lease /);
    expect(await cli.json('semaphore', 'show', 'slots')).toMatchObject({ used: 0, limit: null });
  });
});

describe('syncline session', () => {
  it('lists, shows and ends sessions', async () => {
    await using session = await locks.session({ owner: 'crew/1' });
    await session.acquire('tool');
    const { sessionId } = session;
    expect(await cli.text('session', 'ls', '--owner', 'crew/')).toMatch(
      new RegExp(`\\n${sessionId} +crew/1 +15s +2\\S+Z\\n$`),
    );
    expect(await cli.text('session', 'show', sessionId)).toContain(`${sessionId} of crew/1, 15s, until `);
    expect(await cli.json('session', 'show', sessionId)).toMatchObject({ leases: [{ name: 'tool' }] });
    expect(await cli.text('session', 'end', sessionId)).toBe(`${sessionId} has ended.\n`);
    expect((await locks.inspect('tool')).mode).toBe('free');
    expect((await cli.run(['session', 'show', sessionId])).code).toBe(1);
  });
});

describe('syncline queue', () => {
  it('sends, lists, receives and acknowledges messages', async () => {
    expect(await cli.text('queue', 'send', 'orders', '{"id":1}')).toMatch(/^Sent \S+\.\n$/);
    const sent = await cli.run(['queue', 'send', 'orders', '-', '--priority', '9', '--json'], 'hello\n');
    expect(JSON.parse(sent.stdout.toString())).toEqual({ id: expect.any(String), deduplicated: false });
    expect(await cli.text('queue', 'ls', '--prefix', 'ord')).toMatch(/\norders +2 +0 +0 +0 +\S+ +open\n$/);

    const [first] = await cli.json('queue', 'receive', 'orders', '--ack');
    expect(first).toMatchObject({ body: 'hello', priority: 9, receiveCount: 1 });
    expect(await cli.text('queue', 'receive', 'orders', '--max', '5', '--wait', '1s')).toMatch(
      / 1 .*\{"id":1\}\n$/,
    );

    expect(await cli.json('queue', 'stats', 'orders')).toMatchObject({
      name: 'orders',
      stats: { ready: 0, inFlight: 1, acked: 1, sent: 2 },
    });
    expect(await cli.text('queue', 'stats', 'orders')).toMatch(
      /^orders is open\.\n[\s\S]*\nvisibilityTimeoutMs +30s\n/,
    );
    expect(await cli.json('queue', 'ls', '--prefix', 'ord')).toEqual([
      expect.objectContaining({ name: 'orders', paused: false }),
    ]);
  });

  it('sends JSON or text, and refuses numbers that JSON would round', async () => {
    await cli.text('queue', 'send', 'typed', '{"digits":"12345678901234567890","n":1.5e3}');
    await cli.text('queue', 'send', 'typed', '12345678901234567890', '--text');
    const bodies = (await cli.json('queue', 'receive', 'typed', '--max', '9')).map(
      ({ body }: { body: unknown }) => body,
    );
    expect(bodies).toEqual([{ digits: '12345678901234567890', n: 1_500 }, '12345678901234567890']);
    for (const [body, arrives] of [
      ['[{"id": 9007199254740993}]', '9007199254740992'],
      ['{"a\\"":-1e999}', 'null'],
    ] as const) {
      const { code, stderr } = await cli.run(['queue', 'send', 'typed', body]);
      expect([code, stderr]).toEqual([
        2,
        expect.stringContaining(`would arrive as ${arrives}: write it as a`),
      ]);
    }
  });

  it('sends a message with a delay and a group, and only once for a deduplication id', async () => {
    const options = ['--delay', '1h', '--group', 'g', '--deduplication-id', 'x'];
    await cli.text('queue', 'send', 'later', '1', ...options);
    expect(await cli.text('queue', 'send', 'later', '1', ...options)).toMatch(/^Already sent as \S+\.\n$/);
    expect((await cli.json('queue', 'stats', 'later')).stats).toMatchObject({ delayed: 1, sent: 1 });
  });

  it('moves dead letters to another queue', async () => {
    await Promise.all([1, 2, 3].map((id) => cli.text('queue', 'send', 'failed.dead', String(id))));
    const one = ['--max', '1', '--to', 'again'];
    expect(await cli.json('queue', 'redrive', 'failed.dead', ...one)).toEqual({ moved: 1 });
    expect(await cli.text('queue', 'redrive', 'failed.dead', '--to', 'again')).toBe('Moved 2.\n');
    expect((await cli.json('queue', 'stats', 'again')).stats.ready).toBe(3);
  });

  it('shows, reschedules and cancels one message, and lists those that fit', async () => {
    const { id } = await cli.json('queue', 'send', 'single', '{"n":1}', '--delay', '1h');
    expect(await cli.text('queue', 'show', 'single', id)).toMatch(
      /\nstate +delayed\nheld back +delayed until 2/,
    );
    expect(await cli.json('queue', 'show', 'single', id)).toMatchObject({ id, body: { n: 1 } });
    const soon = await cli.text('queue', 'reschedule', 'single', id, '--delay', '0s', '--priority', '3');
    expect(soon).toMatch(/\nstate +ready\n(.*\n)*priority +3\n/);
    const where = ['--where', 'body="n":1', '--where', `id=${id}`];
    expect(await cli.json('queue', 'search', 'single', ...where)).toMatchObject([{ id }]);
    expect(await cli.json('queue', 'browse', 'single')).toMatchObject([{ id }]);
    expect(await cli.json('queue', 'search', 'single', '--where', 'header.a=b')).toEqual([]);
    expect((await cli.run(['queue', 'search', 'single', '--where', 'a=b'])).code).toBe(2);
    expect(await cli.text('queue', 'cancel', 'single', id)).toBe(`Cancelled ${id}.\n`);
    expect((await cli.run(['queue', 'show', 'single', '1-1'])).code).toBe(1);
  });

  it('ends deliveries by hand, and redrives those that failed for a reason', async () => {
    for (const body of ['1', '2', '3']) await cli.text('queue', 'send', 'by-hand', body);
    const held = await cli.json('queue', 'receive', 'by-hand', '--max', '3');
    const [done, slow, bad] = held.map(({ receipt }: { receipt: string }) => receipt);
    expect(await cli.json('queue', 'ack', 'by-hand', done)).toEqual([{ receipt: done, status: 'acked' }]);
    await cli.text('queue', 'nack', 'by-hand', slow, '--dead', '--reason', 'too slow');
    await cli.text('queue', 'nack', 'by-hand', bad, '--dead', '--reason', 'malformed');
    expect((await cli.run(['queue', 'nack', 'by-hand', bad])).code).toBe(1);
    const shown = await cli.text('queue', 'show', 'by-hand', held[1].id);
    expect(shown).toMatch(/\nstate +dead\n(.*\n)*\S+ +nacked +\S+ +too slow\n$/);
    const where = ['--where', 'reason=slow'];
    expect(await cli.text('queue', 'redrive', 'by-hand.dead', ...where)).toBe('Moved 1.\n');
    expect((await cli.json('queue', 'stats', 'by-hand')).stats).toMatchObject({ ready: 1, dead: 1 });
  });

  it('configures, pauses, purges and deletes a queue, and asks before anything is lost', async () => {
    await cli.text('queue', 'configure', 'kept', 'maxReceives=3', 'deadLetterQueue=graveyard', 'maxLength=9');
    const changed = await cli.json(
      'queue',
      'configure',
      'kept',
      'maxLength=',
      'rateLimit={"max":5,"perMs":1000}',
    );
    expect(changed).toMatchObject({
      maxReceives: 3,
      deadLetterQueue: 'graveyard',
      maxLength: null,
      rateLimit: { max: 5 },
    });
    for (const wrong of ['maxReceives=x', '__proto__=1', 'maxReceives']) {
      expect((await cli.run(['queue', 'configure', 'kept', wrong])).code).toBe(2);
    }
    await cli.text('queue', 'send', 'kept', '1');
    expect(await cli.text('queue', 'pause', 'kept')).toBe('kept is paused.\n');
    expect(await cli.json('queue', 'receive', 'kept')).toEqual([]);
    expect(await cli.text('queue', 'resume', 'kept')).toBe('kept is resumed.\n');
    const asked = await cli.run(['queue', 'purge', 'kept']);
    expect([asked.code, asked.stderr]).toEqual([
      2,
      'syncline: purge kept with 1 messages? Pass --yes to say so.\n',
    ]);
    expect((await cli.json('queue', 'stats', 'kept')).stats.ready).toBe(1);
    expect(await cli.text('queue', 'purge', 'kept', '--yes')).toBe('kept is purged.\n');
    expect((await cli.json('queue', 'stats', 'kept')).stats.ready).toBe(0);
    expect(await cli.json('queue', 'delete', 'kept', '--yes')).toEqual({ status: 'deleted' });
    expect((await cli.run(['queue', 'delete', 'kept', '--yes'])).code).toBe(1);
  });

  it('makes, shows, pauses, runs and deletes schedules', async () => {
    const when = ['--queue', 'reports', '--cron', '0 9 * * MON-FRI', '--time-zone', 'Europe/Berlin'];
    const made = await cli.json('schedule', 'put', 'daily', '{"report":1}', ...when);
    expect(made).toMatchObject({ name: 'daily', queue: 'reports', message: { body: { report: 1 } } });
    expect(await cli.text('schedule', 'ls')).toMatch(
      /\ndaily +reports +0 9 \* \* MON-FRI Europe\/Berlin +2\S+Z +0\n$/,
    );
    expect(await cli.text('schedule', 'pause', 'daily')).toMatch(/\nnext +paused\n/);
    expect(await cli.text('schedule', 'run', 'daily')).toMatch(/^Sent \S+\.\n$/);
    expect(await cli.json('queue', 'receive', 'reports', '--ack')).toMatchObject([{ body: { report: 1 } }]);
    expect(await cli.json('schedule', 'resume', 'daily')).toMatchObject({ nextAt: made.nextAt });
    expect(await cli.text('schedule', 'delete', 'daily')).toBe('Deleted daily.\n');
    expect((await cli.run(['schedule', 'show', 'daily'])).code).toBe(1);
    const every = ['--queue', 'reports', '--every', '1m', '--limit', '2'];
    expect(await cli.text('schedule', 'put', 'often', 'x', ...every)).toMatch(/\nwhen +every 1m\n/);
    expect((await cli.run(['schedule', 'put', 'wrong', 'x', '--queue', 'reports'])).code).toBe(2);
  });

  it('reports an unknown queue, and an empty queue', async () => {
    const { code, stderr } = await cli.run(['queue', 'stats', 'nowhere']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^syncline: There is no such resource: There is no queue nowhere.*\n$/);
    await cli.text('queue', 'send', 'drained', '1');
    await cli.text('queue', 'receive', 'drained', '--ack');
    expect(await cli.json('queue', 'receive', 'drained')).toEqual([]);
  });
});

describe('syncline cache', () => {
  it('stores bytes and returns them unchanged', async () => {
    const image = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 31) % 256));
    const set = await cli.run(['cache', 'set', 'files', 'image', '--json'], image);
    expect(JSON.parse(set.stdout.toString())).toEqual({ version: expect.any(String), expiresAt: null });
    const got = await cli.run(['cache', 'get', 'files', 'image']);
    expect(got.stdout.equals(image)).toBe(true);
    expect(await cli.json('cache', 'get', 'files', 'image')).toEqual({
      key: 'image',
      version: JSON.parse(set.stdout.toString()).version,
      encoding: 'base64',
      value: image.toString('base64'),
    });
  });

  it('stores a value with a TTL and tags, and removes it', async () => {
    const stored = await cli.text('cache', 'set', 'pages', 'a', '<h1>', '--ttl', '1h', '--tags', 'x,y');
    expect(stored).toMatch(/^Stored a until \d{4}-.*Z, version \d+\.\n$/);
    expect(await cli.json('cache', 'get', 'pages', 'a')).toMatchObject({ encoding: 'utf8', value: '<h1>' });
    expect(await cli.text('cache', 'invalidate', 'pages', '--tag', 'z', '--tag', 'y')).toBe(
      'Invalidated what has the tag z, y in pages.\n',
    );
    expect((await cli.run(['cache', 'get', 'pages', 'a'])).code).toBe(1);

    await cli.text('cache', 'set', 'pages', 'b', 'B');
    expect(await cli.text('cache', 'get', 'pages', 'b')).toBe('B');
    expect(await cli.text('cache', 'ls', 'pages', 'b')).toMatch(
      /^KEY +BYTES +EXPIRES +VERSION\nb +1 +never +\d+\n$/,
    );
    expect(await cli.text('cache', 'del', 'pages', 'b', 'c')).toBe('Removed b.\nRemoved c.\n');
    expect(await cli.json('cache', 'del', 'pages', 'b')).toEqual({ deleted: ['b'] });
    const { code, stdout, stderr } = await cli.run(['cache', 'get', 'pages', 'b']);
    expect([code, stdout.length, stderr]).toEqual([1, 0, 'syncline: pages has no entry b\n']);
  });

  it('counts, configures, flushes and drops a cache, and asks before anything is lost', async () => {
    expect(await cli.text('cache', 'incr', 'visits', 'home')).toBe('1\n');
    expect(await cli.json('cache', 'incr', 'visits', 'home', '--by', '-3', '--ttl', '1h')).toMatchObject({
      value: -2,
    });
    await cli.text('cache', 'configure', 'visits', 'defaultTtlMs=60000', 'maxEntries=9');
    expect(await cli.json('cache', 'configure', 'visits', 'maxEntries=')).toMatchObject({
      defaultTtlMs: 60_000,
      maxEntries: null,
    });
    expect((await cli.run(['cache', 'configure', 'visits', 'ttl=1'])).code).toBe(2);
    const asked = await cli.run(['cache', 'flush', 'visits']);
    expect([asked.code, asked.stderr]).toEqual([
      2,
      'syncline: flush visits with 1 entries? Pass --yes to say so.\n',
    ]);
    expect(await cli.json('cache', 'invalidate', 'visits', '--prefix', 'other')).toEqual({ invalidated: 1 });
    expect(await cli.text('cache', 'get', 'visits', 'home')).toBe('-2');
    expect((await cli.run(['cache', 'invalidate', 'visits'])).code).toBe(2);
    expect(await cli.text('cache', 'flush', 'visits', '--yes')).toBe('visits is flushed.\n');
    expect(await cli.json('cache', 'stats', 'visits')).toMatchObject({
      defaultTtlMs: 60_000,
      stats: { entries: 0 },
    });
    expect(await cli.json('cache', 'drop', 'visits', '--yes')).toEqual({ status: 'dropped' });
    expect(await cli.json('cache', 'stats', 'visits')).toMatchObject({ defaultTtlMs: null });
  });

  it('shows the statistics of one cache, or of all caches', async () => {
    await cli.text('cache', 'set', 'counted', 'k', 'v');
    expect(await cli.json('cache', 'stats', 'counted')).toMatchObject({
      name: 'counted',
      stats: { entries: 1 },
    });
    const all = await cli.json('cache', 'stats');
    expect(all.map(({ name }: { name: string }) => name)).toContain('counted');
    expect(await cli.text('cache', 'stats', 'counted')).toMatch(/^NAME .*\ncounted +1 +2 .* strict\n$/);
  });
});

describe('syncline cluster', () => {
  it('lists the nodes of all roles, or of one role', async () => {
    const table = await cli.text('cluster');
    for (const { nodeId, role } of nodes) {
      expect(table).toMatch(
        new RegExp(`\\n${role} +${nodeId} +node +alive +[\\d.]+ % +http://\\S+ +\\d{4}-`),
      );
    }
    const [lock, ...others] = await cli.json('cluster', 'lock', '--url', nodes[0]?.url ?? '');
    expect(others).toEqual([]);
    expect(lock.members).toMatchObject([{ nodeId: 'lock_1', state: 'alive' }, { nodeId: 'lock_2' }]);
  });

  it('prints who joins and leaves, until it is interrupted', async () => {
    const watching = cli.start('cluster', 'watch', 'lock');
    await watching.printed(/Z lock lock_2 alive$/m);
    const third = await NodeProcess.start('lock', { redisUrl: redis.url, nodeId: 'lock_3' });
    await watching.printed(/Z lock lock_3 alive$/m);
    await third.kill();
    await watching.printed(/Z lock lock_3 left$/m);
    expect(await watching.stop()).toBe(0);
  });

  it('shows the roles that answer, and reports those that do not', async () => {
    const some = new Cli(nodes.filter(({ role }) => role !== 'queue'));
    const { code, stdout, stderr } = await some.run(['cluster', '--json', '--timeout', '500ms']);
    expect(code).toBe(69);
    expect(JSON.parse(stdout.toString()).map(({ role }: { role: string }) => role)).toEqual([
      'lock',
      'cache',
    ]);
    expect(stderr).toMatch(/^syncline: queue nodes: .*not reachable.*\nsyncline: queue nodes: .*--url.*\n$/);
  });
});
