import { once } from 'node:events';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { LockClient } from '@syncline/client';
import { eventually, freePort, type NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';
import { Cli } from './cli.process.js';

const TTL_MS = 6_000;
const TTL = ['--ttl', '6s'];

let redis: RedisServer;
let nodes: NodeProcess[];
let locks: LockClient;
let cli: Cli;

beforeAll(async () => {
  redis = await RedisServer.start();
  nodes = await startNodes('lock', 2, { redisUrl: redis.url });
  locks = new LockClient({ urls: nodes.map(({ url }) => url) });
  cli = new Cli(nodes);
});
afterAll(async () => {
  redis?.thaw();
  for (const node of nodes ?? []) node.thaw();
  await locks?.close();
  await stopAll(nodes ?? []);
  await redis?.stop();
});

const run = (name: string, options: readonly string[], script: string) =>
  cli.start('lock', 'run', name, ...options, '--', 'sh', '-c', script);
const modeOf = async (name: string) => (await locks.inspect(name)).mode;
describe('syncline lock run', () => {
  it('runs a command under the lock with the token in its environment, and exits with its code', async () => {
    const script = 'echo "$SYNCLINE_LOCK_NAME $SYNCLINE_FENCING_TOKEN $SYNCLINE_LEASE_ID"; cat; exit 7';
    const { code, stdout, stderr } = await cli.run(['lock', 'run', 'job', '--', 'sh', '-c', script], 'input');
    expect([code, stderr]).toEqual([7, '']);
    expect(stdout.toString()).toMatch(/^job \d+ [0-9a-f-]{36}\ninput$/);
    expect(await modeOf('job')).toBe('free');
  });

  it('holds and renews the lock for as long as the command runs', async () => {
    const command = run('long', ['--ttl', '2s', '--owner', 'me'], 'echo up; read line; echo "$line"');
    await command.printed(/^up$/);
    const [before] = (await locks.inspect('long')).holders;
    await eventually(async () => {
      const [now] = (await locks.inspect('long')).holders;
      expect(now).toMatchObject({ owner: 'me', fencingToken: before?.fencingToken });
      // Without renewals the lease would be over.
      expect(Date.parse(now?.expiresAt ?? '') - Date.parse(before?.acquiredAt ?? '')).toBeGreaterThan(4_000);
    });
    command.process.stdin?.end('done\n');
    await command.printed(/^done$/);
    expect(await command.exited).toBe(0);
  });

  it('excludes other runs: one is refused, another waits for its turn', async () => {
    const first = run('single', [], 'echo "in 1"; read line');
    await first.printed(/^in 1$/);
    const refused = await cli.run(['lock', 'run', 'single', '--', 'echo', 'never']);
    expect(refused).toMatchObject({ code: 75, stderr: expect.stringContaining('--wait 30s') });
    expect(refused.stdout.length).toBe(0);
    const late = await cli.run(['lock', 'run', 'single', '--wait', '100ms', '--', 'echo', 'never']);
    expect([late.code, late.stdout.length]).toEqual([75, 0]);

    const second = run('single', ['--wait', '20s'], 'echo "in 2"');
    await eventually(async () => expect((await locks.inspect('single')).waiters).toHaveLength(1));
    expect(second.output).toBe('');
    first.process.stdin?.end('go\n');
    await second.printed(/^in 2$/);
    expect(await Promise.all([first.exited, second.exited])).toEqual([0, 0]);
  });

  it('runs the command when the lock is granted after an interruption longer than the TTL', async () => {
    const lease = await locks.acquire('stalled', { ttlMs: 10_000 });
    const waiting = run('stalled', [...TTL, '--wait', '60s'], 'echo "had it"');
    await eventually(async () => expect((await locks.inspect('stalled')).waiters).toHaveLength(1));
    redis.freeze();
    await sleep(3_500);
    redis.thaw();
    await lease.release().catch(() => undefined);
    await waiting.printed(/^had it$/);
    expect(await waiting.exited).toBe(0);
    expect(await modeOf('stalled')).toBe('free');
  }, 60_000);

  it('waits for nodes that have not started yet', async () => {
    const port = await freePort();
    const late = cli.start(
      'lock',
      'run',
      'late',
      '--url',
      `http://127.0.0.1:${port}`,
      ...TTL,
      '--',
      'echo',
      'ran',
    );
    await sleep(2_500);
    const env = { PORT: String(port), NODE_ID: 'late' };
    const [node] = await startNodes('lock', 1, { redisUrl: redis.url, env });
    expect(await late.exited).toBe(0);
    expect(late.output).toBe('ran');
    await node?.stop();
  }, 60_000);

  it('refuses invalid durations before it calls a node', async () => {
    const wrong = [
      ['--wait', '30d'],
      ['--wait', 'always'],
      ['--ttl', '2d'],
      ['--ttl', '10ms'],
      ['--timeout', '40d'],
    ] as const;
    await Promise.all(
      wrong.map(async ([option, value]) => {
        const { code, stderr } = await cli.run(['lock', 'run', 'x', option, value, '--', 'true']);
        expect([option, value, code]).toEqual([option, value, 2]);
        expect(stderr).toMatch(/expected/i);
      }),
    );
  });

  it('lets shared holders hold the lock together', async () => {
    const first = run('shared', ['--shared'], 'echo up; read line');
    await first.printed(/^up$/);
    expect((await cli.run(['lock', 'run', 'shared', '--shared', '--', 'true'])).code).toBe(0);
    first.process.stdin?.end('go\n');
    expect(await first.exited).toBe(0);
  });

  it('exits like a shell when the command cannot be run, and releases the lock', async () => {
    const outcomes = await Promise.all([
      cli.run(['lock', 'run', 'none', '--', '/no/such/command']),
      cli.run(['lock', 'run', 'not-executable', '--', `${process.cwd()}/package.json`]),
      cli.run(['lock', 'run', 'killed', '--', 'sh', '-c', 'kill -9 $$']),
    ]);
    expect(outcomes.map(({ code }) => code)).toEqual([127, 126, 137]);
    for (const name of ['none', 'not-executable', 'killed']) expect(await modeOf(name)).toBe('free');
  });

  it('refuses a grace period that leaves no time to renew, and a command without --', async () => {
    expect((await cli.run(['lock', 'run', 'x', '--ttl', '1s', '--grace', '600ms', '--', 'true'])).code).toBe(
      2,
    );
    expect((await cli.run(['lock', 'run', 'x'])).code).toBe(2);
  });

  it('exits with 69 when no node is reachable', async () => {
    const { code, stdout } = await new Cli([]).run([
      'lock',
      'run',
      'x',
      '--timeout',
      '300ms',
      '--',
      'echo',
      'never',
    ]);
    expect([code, stdout.length]).toEqual([69, 0]);
  });
});

describe('a signal to syncline lock run', () => {
  /** All signals except those that cannot be caught, stop a process, or report a fault or a child. */
  const PASSED_ON = [
    ...([
      'SIGHUP',
      'SIGINT',
      'SIGQUIT',
      'SIGTRAP',
      'SIGABRT',
      'SIGUSR1',
      'SIGUSR2',
      'SIGALRM',
      'SIGTERM',
    ] as const),
    ...([
      'SIGCONT',
      'SIGURG',
      'SIGXCPU',
      'SIGXFSZ',
      'SIGVTALRM',
      'SIGPROF',
      'SIGWINCH',
      'SIGIO',
      'SIGPWR',
    ] as const),
  ];

  it('is passed on to the command', async () => {
    const names = PASSED_ON.map((signal) => signal.slice(3));
    const traps = names.map((name) => `trap 'echo told ${name}' ${name}`).join('; ');
    const command = run('signals', [], `${traps}; echo up; while :; do sleep 0.05; done`);
    await command.printed(/^up$/);
    for (const name of names) {
      command.process.kill(`SIG${name}` as NodeJS.Signals);
      await command.printed(new RegExp(`^told ${name}$`));
    }
    expect(await modeOf('signals')).toBe('exclusive');
    // SIGKILL cannot be passed on, but the command must not continue without syncline either.
    const closed = once(command.process, 'close');
    await command.kill();
    await closed;
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGUSR2', 'SIGALRM'] as const)(
    '%s lets the command choose its exit code',
    async (signal) => {
      const name = `signal-${signal}`;
      const command = run(
        name,
        [],
        `trap 'echo told; exit 3' ${signal.slice(3)}; echo up; while :; do sleep 0.05; done`,
      );
      await command.printed(/^up$/);
      command.process.kill(signal);
      await command.printed(/^told$/);
      expect(await command.exited).toBe(3);
      expect(await modeOf(name)).toBe('free');
    },
  );

  it.each(['SIGUSR2', 'SIGALRM', 'SIGPROF'] as const)(
    '%s ends a command that does not handle it, and releases the lock',
    async (signal) => {
      const command = run(`default-${signal}`, [], 'echo up; exec sleep 30');
      await command.printed(/^up$/);
      command.process.kill(signal);
      expect(await command.exited).toBe(128 + constants.signals[signal]);
      expect(await modeOf(`default-${signal}`)).toBe('free');
    },
  );

  it.each(['SIGKILL', 'SIGSEGV'] as const)(
    '%s cannot be passed on, but leaves no command running',
    async (signal) => {
      // The command and its child ignore SIGTERM.
      const script = `trap '' TERM; (while :; do echo tick; sleep 0.05; done) & while :; do sleep 0.05; done`;
      const command = run(`orphan-${signal}`, ['--ttl', '10s', '--grace', '300ms'], script);
      const closed = once(command.process, 'close');
      await command.printed(/^tick$/);
      command.process.kill(signal);
      await command.exited;
      // The output closes when no process is left that could write to it.
      await closed;
      expect(await modeOf(`orphan-${signal}`)).toBe('exclusive');
    },
  );

  it('does not end a wait when its default action is to be ignored', async () => {
    const lease = await locks.acquire('resized');
    const waiting = run('resized', ['--wait', 'forever'], 'echo "had it"');
    await eventually(async () => expect((await locks.inspect('resized')).waiters).toHaveLength(1));
    for (const signal of ['SIGWINCH', 'SIGCONT', 'SIGURG'] as const) waiting.process.kill(signal);
    await lease.release();
    await waiting.printed(/^had it$/);
    expect(await waiting.exited).toBe(0);
  });

  it('determines the exit code when it ends the command', async () => {
    const command = run('ended', [], 'echo up; exec sleep 30');
    await command.printed(/^up$/);
    command.process.kill('SIGTERM');
    expect(await command.exited).toBe(143);
    expect(await modeOf('ended')).toBe('free');
  });

  it('SIGTSTP does not stop syncline, which must renew', async () => {
    const command = run('not-stopped', [], 'echo up; read line');
    await command.printed(/^up$/);
    command.process.kill('SIGTSTP');
    command.process.stdin?.end('go\n');
    expect(await command.exited).toBe(0);
  });

  it('SIGINT ends a wait: the command does not run, and the waiter leaves the line', async () => {
    const lease = await locks.acquire('awaited');
    const waiting = run('awaited', ['--wait', '5m'], 'echo never');
    await eventually(async () => expect((await locks.inspect('awaited')).waiters).toHaveLength(1));
    waiting.process.kill('SIGINT');
    expect(await waiting.exited).toBe(130);
    expect(waiting.output).toBe('syncline: ended by SIGINT');
    await eventually(async () => expect((await locks.inspect('awaited')).waiters).toHaveLength(0));
    await lease.release();
    expect(await modeOf('awaited')).toBe('free');
  });
});

describe('syncline lock run, when the lease is lost,', () => {
  /** The command and its child ignore SIGTERM: only SIGKILL to the whole group ends both. */
  const IGNORES_SIGTERM = `trap '' TERM; (while :; do echo tick $(date +%s%3N); sleep 0.05; done) & while :; do sleep 0.05; done`;

  it.each([
    ['Redis freezes', () => redis.freeze(), () => redis.thaw()],
    ['every node freezes', () => nodes.map((node) => node.freeze()), () => nodes.map((node) => node.thaw())],
  ])(
    'ends the command and its children before another owner can get the lock: %s',
    async (what, breakIt, mend) => {
      const name = what.replaceAll(' ', '-');
      const command = run(name, [...TTL, '--grace', '2s'], IGNORES_SIGTERM);
      const closed = once(command.process, 'close');
      await command.printed(/^tick /);
      breakIt();
      const brokenAt = Date.now();
      try {
        expect(await command.exited).toBe(79);
        await closed;
        // No renewal after the fault had an effect, so the lock is free one TTL after the fault at the earliest.
        // Measured by the command's own clock, because its output may arrive here late.
        const lastTickAt = Number([...command.output.matchAll(/^tick (\d+)$/gm)].at(-1)?.[1]);
        expect(lastTickAt).toBeGreaterThan(0);
        expect(lastTickAt - brokenAt).toBeLessThan(TTL_MS);
        expect(command.output).toContain(`syncline: the lease of ${name} was lost.`);
      } finally {
        mend();
      }
    },
  );

  it('gives the command time to clean up', async () => {
    const command = run(
      'cleaned',
      [...TTL],
      `trap 'echo cleaned; exit 0' TERM; echo up; while :; do sleep 0.05; done`,
    );
    await command.printed(/^up$/);
    for (const node of nodes) node.freeze();
    try {
      await command.printed(/^cleaned$/);
      expect(await command.exited).toBe(79);
    } finally {
      for (const node of nodes) node.thaw();
    }
  });

  it('ends the command after the next renewal when an operator revoked the lease', async () => {
    const command = run('revoked', ['--ttl', '2s'], IGNORES_SIGTERM);
    const closed = once(command.process, 'close');
    await command.printed(/^tick /);
    await locks.revoke('revoked', 'test');
    expect(await command.exited).toBe(79);
    await closed;
  });

  it('exits with 79 even when the command succeeded', async () => {
    const command = run('unnoticed', ['--ttl', '60s'], 'echo up; read line');
    await command.printed(/^up$/);
    await locks.revoke('unnoticed', 'test');
    command.process.stdin?.end('go\n');
    expect(await command.exited).toBe(79);
  });
});
