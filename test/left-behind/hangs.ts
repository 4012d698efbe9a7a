import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { Child, NodeProcess, RedisServer } from '@syncline/testing';
import { Cli } from '../e2e/cli.process.js';

// Not a spec: another test runs it and kills it.
it('starts a process of each kind and never ends', async () => {
  const redis = await RedisServer.start({ durable: true });
  const node = await NodeProcess.start('lock', { redisUrl: redis.url, nodeId: 'lock_1' });
  const command = new Cli([node]).start(
    'lock',
    'run',
    'held',
    '--',
    'sh',
    '-c',
    `trap '' INT TERM HUP; echo pid $$; while :; do sleep 1; done`,
  );
  const [, shell] = await command.printed(/^pid (\d+)$/);
  const frozen = new Child('frozen', spawn('sleep', ['1000']));
  frozen.freeze();
  const pids = [process.pid, redis.pid, ...[node, command, frozen].map((child) => child.process.pid), shell];
  await writeFile(process.env.PIDS_FILE ?? '', `${pids.join(' ')}\n`);
  await new Promise(() => setInterval(() => {}, 1_000));
});
