import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';
import { Cli, COMMAND } from './cli.process.js';

const run = promisify(execFile);
/** The page of the command line, and those for who comes from a service that is called from a shell. */
const PAGES = ['docs/cli.md', 'docs/coming-from/consul.md', 'docs/coming-from/redisson.md']
  .map((path) => readFileSync(path, 'utf8'))
  .join('\n');
/** The ports of `npm start`: three of each role. */
const PORT = /localhost:800(\d)/g;

/** A shell example and its output: `json` output is compared by shape, `text` output exactly. */
const examples = [...PAGES.matchAll(/```sh\n(.*?)```\n\n```(json|text)\n(.*?)```/gs)].map(
  ([, command = '', format = '', answer = '']) => ({ command: command.trim(), format, answer }),
);

/** Keeps only names and types, because ids and times differ between runs. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf);
  if (value === null || typeof value !== 'object') return value === null ? 'null' : typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, shapeOf(each)]));
}

describe('the shell examples of the documents', () => {
  let redis: RedisServer;
  let nodes: NodeProcess[];
  /** Folder on the PATH with the `syncline` command. */
  let folder: string;
  let env: Record<string, string>;

  beforeAll(async () => {
    redis = await RedisServer.start();
    const started = await Promise.all(
      (['lock', 'queue', 'cache'] as const).map((role) => startNodes(role, 1, { redisUrl: redis.url })),
    );
    nodes = started.flat();
    folder = await mkdtemp(join(tmpdir(), 'syncline-cli-'));
    const command = [process.execPath, ...COMMAND].map((word) => `'${word}'`).join(' ');
    await writeFile(join(folder, 'syncline'), `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
    const { environment } = new Cli(nodes);
    env = { ...environment, PATH: `${folder}:${environment.PATH}` };
  });
  afterAll(async () => {
    await stopAll(nodes ?? []);
    await redis?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('include all shell blocks of the pages', () => {
    expect(examples.length).toBeGreaterThanOrEqual(8);
    expect(examples).toHaveLength(PAGES.match(/```sh\n/g)?.length ?? 0);
  });

  it.each(examples)(
    'print the output that their page shows: $command',
    async ({ command, format, answer }) => {
      const here = command
        .replaceAll('redis://localhost:6379', redis.url)
        .replaceAll(PORT, (_, port) => new URL(nodes[Math.floor((port - 1) / 3)]?.url ?? '').host);
      const { stdout } = await run('bash', ['--norc', '-euo', 'pipefail', '-c', here], {
        cwd: folder,
        env,
      });
      if (format === 'text') expect(stdout).toBe(answer);
      else expect(shapeOf(JSON.parse(stdout))).toEqual(shapeOf(JSON.parse(answer)));
    },
  );
});
