import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually, NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';
import { Cli, COMMAND } from './cli.process.js';

let redis: RedisServer;
let nodes: NodeProcess[];
let cli: Cli;

beforeAll(async () => {
  redis = await RedisServer.start();
  const started = await Promise.all([
    startNodes('lock', 2, { redisUrl: redis.url }),
    startNodes('queue', 1, { redisUrl: redis.url }),
  ]);
  nodes = started.flat();
  cli = new Cli(nodes);
});
afterAll(async () => {
  await stopAll(nodes ?? []);
  await redis?.stop();
});

describe('a syncline command that fails', () => {
  it('exits with 2 when arguments are missing, unknown, or refused by a node', async () => {
    const wrong: [args: string[], message: RegExp][] = [
      [['lock', 'rum'], /unknown command 'rum'/],
      [['cache', 'get', 'c'], /missing required argument 'key'/],
      [['queue', 'receive', 'q', '--wait', '30'], /30s or 5m/],
      [['lock', 'ls', '--url', 'localhost:8001'], /http:\/\/localhost:8001/],
      [['lock', 'show', 'a b'], /not valid: name/],
      [['lock', 'acquire', 'a', '--ttl', '1ms'], /^syncline: --ttl: expected milliseconds/],
      [['queue', 'send', 'q', '1', '--priority', '99'], /not valid: --priority: /],
      [['cluster', '--url', 'http://localhost:1'], /cluster lock --url/],
    ];
    const outcomes = await Promise.all(wrong.map(([args]) => cli.run(args)));
    for (const [i, [, message]] of wrong.entries()) {
      expect(outcomes[i]).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
      expect(outcomes[i]?.stdout.length).toBe(0);
      expect(outcomes[i]?.stderr).not.toMatch(/\n {4}at /);
    }
  });

  it('explains in two lines that no node is reachable, or that the address is not a node', async () => {
    const nobody = await cli.run([
      'lock',
      'ls',
      '--url',
      'http://127.0.0.1:1,http://127.0.0.1:2',
      '--timeout',
      '500ms',
    ]);
    expect(nobody.code).toBe(69);
    expect(nobody.stderr).toMatch(
      /^syncline: http\S+ is not reachable.*\nsyncline: .*SYNCLINE_LOCK_URLS.*\n$/,
    );
    const other = await cli.run([
      'lock',
      'ls',
      '--url',
      `http://127.0.0.1:${redis.port}`,
      '--timeout',
      '500ms',
    ]);
    expect(other.code).toBe(69);
    expect(other.stderr.trim().split('\n')).toHaveLength(2);
  });

  it('exits with 77 when the API key is missing or lacks the right', async () => {
    const node = await NodeProcess.start('queue', {
      redisUrl: redis.url,
      nodeId: 'guarded',
      env: { API_KEYS: 'reader:0123456789abcdef0123456789abcdef:read' },
    });
    try {
      const without = await new Cli([node]).run(['queue', 'ls']);
      expect(without).toMatchObject({ code: 77, stderr: expect.stringContaining('Set SYNCLINE_API_KEY') });
      const reader = new Cli([node], { SYNCLINE_API_KEY: '0123456789abcdef0123456789abcdef' });
      await reader.text('queue', 'ls');
      const file = 'queues: { guarded: }';
      expect((await reader.run(['apply', '-f', '-', '--dry-run'], file)).stdout.toString()).toMatch(
        /^1 new/m,
      );
      const refused = await reader.run(['apply', '-f', '-'], file);
      expect(refused).toMatchObject({ code: 77, stderr: expect.stringContaining('may not configure') });
    } finally {
      await node.stop();
    }
  });

  it('does not fail when the reader closes the pipe, and then acknowledges nothing', async () => {
    await cli.text('queue', 'send', 'unread', '1');
    const line = [process.execPath, ...COMMAND, 'queue', 'receive', 'unread', '--ack'].join(' ');
    // The pipe is closed before the command writes.
    const script = `set -o pipefail; { sleep 0; ${line}; } | exec true`;
    const { stdout, stderr } = await promisify(execFile)('bash', ['--norc', '-c', script], {
      env: cli.environment,
    });
    expect([stdout, stderr]).toEqual(['', '']);
    expect((await cli.json('queue', 'stats', 'unread')).stats).toMatchObject({ acked: 0, inFlight: 1 });
  });
});

describe('syncline on a terminal', () => {
  /** `script` gives the command a terminal, for both of its outputs. */
  const onTerminal = async (args: readonly string[], env: Record<string, string> = {}) => {
    const line = [process.execPath, ...COMMAND, ...args].join(' ');
    const { stdout } = await promisify(execFile)('script', ['-qec', `${line} || true`, '/dev/null'], {
      env: { ...cli.environment, TERM: 'xterm', ...env },
    });
    return stdout.replaceAll('\r', '');
  };

  it('has colours, unless NO_COLOR is set or its output goes elsewhere', async () => {
    const [coloured, plain, piped] = await Promise.all([
      onTerminal(['cluster', 'lock']),
      onTerminal(['cluster', 'lock'], { NO_COLOR: '1' }),
      cli.text('cluster', 'lock'),
    ]);
    expect(coloured).toContain('\u001b[32malive\u001b[39m');
    expect(plain).toContain(' alive ');
    expect(plain + piped).not.toContain('\u001b');
  });

  it('says within a second that it waits, and for whom', async () => {
    redis.freeze();
    const waited = onTerminal(['lock', 'ls', '--timeout', '2s']);
    const said = await waited.finally(() => redis.thaw());
    expect(said).toMatch(
      /^\S*syncline:\S* waiting for an answer from http:\S+, http:\S+ \.\.\.\n\S*syncline:/,
    );
    await eventually(() => cli.text('lock', 'ls'));
  });
});

describe('syncline completion', () => {
  it('completes commands, options and arguments in bash', async () => {
    const script = await cli.text('completion', 'bash');
    const completed = async (line: string) => {
      const words = line.split(' ');
      const ask = `${script}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})\nCOMP_CWORD=${words.length - 1}\n_syncline\necho "\${COMPREPLY[*]}"`;
      return (await promisify(execFile)('bash', ['--norc', '-c', ask])).stdout.trim().split(' ');
    };
    expect(await completed('syncline q')).toEqual(['queue']);
    expect(await completed('syncline lock ')).toEqual(expect.arrayContaining(['run', 'acquire', 'ls']));
    expect(await completed('syncline lock run --gr')).toEqual(['--grace']);
    expect(await completed('syncline cluster --json c')).toEqual(['cache']);
    expect(await completed('syncline lock run x -- lock --gr')).toEqual(['--grace']);
    expect(await completed('syncline nothing')).toEqual(['']);
    expect((await cli.run(['completion', 'csh'])).code).toBe(2);
    expect(await cli.text('completion', 'fish')).toContain(
      "complete -c syncline -n '__fish_seen_subcommand_from lock; and __fish_seen_subcommand_from run' -l grace -d ",
    );
  });
});

describe('syncline --help', () => {
  it('prints the exit codes and the variables', async () => {
    const help = await cli.text('--help');
    for (const word of ['SYNCLINE_LOCK_URLS', 'SYNCLINE_API_KEY', 'localhost:8009', '69', '75', '77', '79']) {
      expect(help).toContain(word);
    }
    expect(await cli.text('lock', 'run', '--help')).toContain('SYNCLINE_FENCING_TOKEN');
    expect((await cli.run([])).code).toBe(2);
  });

  // They take as long to load as all the rest.
  it('loads no rules of files, which only some commands need', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'syncline-loaded-'));
    await new Cli([], { NODE_V8_COVERAGE: folder }).text('--version');
    const [report = ''] = await readdir(folder);
    const { result }: { result: { url: string }[] } = JSON.parse(
      await readFile(join(folder, report), 'utf8'),
    );
    await rm(folder, { recursive: true });
    const loaded = result.map(({ url }) => url).join('\n');
    expect(loaded).toMatch(/commander/);
    expect(loaded).not.toMatch(/\/(zod|yaml)\//);
  });
});
