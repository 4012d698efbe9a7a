import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child, eventually, isRunning } from '@syncline/testing';

describe('a test run that ends early leaves no process and no file behind', () => {
  /** Starts `npm test` with a test that never ends. Resolves when all of its processes run. */
  async function start(folder: string) {
    const pidsFile = join(folder, 'pids');
    const args = ['scripts/test.mjs', '--config', 'test/left-behind/jest.config.mjs'];
    const child = spawn(process.execPath, args, {
      env: { ...process.env, PIDS_FILE: pidsFile, TMPDIR: folder },
      detached: true,
    });
    const run = new Child('npm test', child);
    const written = eventually(async () => {
      const line = await readFile(pidsFile, 'utf8');
      if (!line.endsWith('\n')) throw new Error('The line is incomplete.');
      return line.trim().split(' ').map(Number);
    }, 100_000);
    const ended = run.exited.then(() => {
      throw new Error(`The run ended before its processes ran:\n${run.output}`);
    });
    const pids = await Promise.race([written, ended]);
    ended.catch(() => {});
    const [worker = 0] = pids;
    const running = async () => {
      const states = await Promise.all(pids.map(isRunning));
      return pids.filter((_, i) => states[i]);
    };
    expect(await running()).toEqual(pids);
    expect(pids).toHaveLength(6);
    return { run, pid: child.pid ?? 0, worker, running };
  }

  const WAYS = [
    ['its worker is killed', ({ worker }) => process.kill(worker, 'SIGKILL')],
    ['it is killed itself', ({ pid }) => process.kill(pid, 'SIGKILL')],
    ['it gets SIGTERM', ({ pid }) => process.kill(pid, 'SIGTERM')],
    ['Ctrl-C sends SIGINT to its process group', ({ pid }) => process.kill(-pid, 'SIGINT')],
  ] satisfies [string, (run: { worker: number; pid: number }) => void][];

  it(`when ${WAYS.map(([way]) => way).join(', or ')}`, async () => {
    await Promise.all(
      WAYS.map(async ([way, end]) => {
        const folder = await mkdtemp(join(tmpdir(), 'syncline-left-behind-'));
        try {
          const started = await start(folder);
          end(started);
          await started.run.exited;
          await eventually(async () => expect([way, await started.running()]).toEqual([way, []]));
          await eventually(async () => expect([way, await readdir(folder)]).toEqual([way, ['pids']]));
        } finally {
          await rm(folder, { recursive: true, force: true });
        }
      }),
    );
  });
});
