import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child, eventually, isRunning } from '@syncline/testing';

describe('a test run that ends early leaves no process and no file behind', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'syncline-left-behind-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** Starts `npm test` with a test that never ends. Resolves when all of its processes run. */
  async function start() {
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

  it.each([
    ['its worker is killed', ({ worker }) => process.kill(worker, 'SIGKILL')],
    ['it is killed itself', ({ pid }) => process.kill(pid, 'SIGKILL')],
    ['it gets SIGTERM', ({ pid }) => process.kill(pid, 'SIGTERM')],
    ['Ctrl-C sends SIGINT to its process group', ({ pid }) => process.kill(-pid, 'SIGINT')],
  ] satisfies [string, (run: { worker: number; pid: number }) => void][])('when %s', async (_, end) => {
    const started = await start();
    end(started);
    await started.run.exited;
    await eventually(async () => expect(await started.running()).toEqual([]));
    await eventually(async () => expect(await readdir(folder)).toEqual(['pids']));
  });
});
