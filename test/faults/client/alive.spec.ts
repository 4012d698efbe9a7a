import { spawn } from 'node:child_process';
import { LockClient } from '@syncline/client';
import { Child, eventually, type NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';

/** A program that only holds a lock must not end: it would lose the lock, and nobody would do the work. */
let redis: RedisServer;
let nodes: NodeProcess[];
let lock: LockClient;

beforeAll(async () => {
  redis = await RedisServer.start();
  nodes = await startNodes('lock', 2, { redisUrl: redis.url });
  lock = new LockClient({ urls: nodes.map(({ url }) => url) });
}, 120_000);
afterAll(async () => {
  await lock?.close();
  await stopAll(nodes ?? []);
  await redis?.stop();
});

/** Runs lines of a program with `lock`, a client, and `lost(signal)`, which waits for the abort. */
function program(...lines: string[]): Child {
  const urls = JSON.stringify(nodes.map(({ url }) => url));
  const text = [
    `import { LockClient } from '${process.cwd()}/dist/packages/client/dist/index.js';`,
    `const lock = new LockClient({ urls: ${urls} });`,
    `const lost = (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve('lost')));`,
    ...lines,
  ].join('\n');
  const args = ['--unhandled-rejections=strict', '--input-type=module', '--eval', text];
  return new Child('program', spawn(process.execPath, args));
}

describe('a program', () => {
  it.each([
    ['a lock', 'alive-lock', `const { signal } = await lock.acquire('alive-lock', { ttlMs: 900 });`],
    ['a set', 'alive-set', `const { signal } = await lock.acquireAll(['alive-set'], { ttlMs: 900 });`],
    [
      'a session',
      'alive-session',
      `const { signal } = await (await lock.session({ ttlMs: 900 })).acquire('alive-session');`,
    ],
  ])('that waits for the loss of its lock stays alive until then: %s', async (_, name, line) => {
    const running = program(line, `console.log('holding');`, 'console.log(await lost(signal));');
    await running.printed(/^holding$/);
    const { currentToken } = await lock.inspect(name);
    // The lease was renewed.
    await eventually(async () => {
      const [holder] = (await lock.inspect(name)).holders;
      expect(Date.parse(holder?.expiresAt ?? '') - Date.parse(holder?.acquiredAt ?? '')).toBeGreaterThan(
        2_700,
      );
    }, 15_000);
    expect((await lock.inspect(name)).currentToken).toBe(currentToken);
    expect(running.process.exitCode).toBeNull();
    await lock.revoke(name, 'test');
    await running.printed(/^lost$/);
    // Nothing is held any more, except the session in one of the cases.
    if (name !== 'alive-session') expect(await running.exited).toBe(0);
    else await running.kill();
  });

  it('that leads stays alive', async () => {
    const running = program(
      `await lock.elect('alive-leader', { ttlMs: 900 }, async (_, signal) => {`,
      `  console.log('leading');`,
      `  await lost(signal);`,
      `  console.log('resigned');`,
      `});`,
    );
    await running.printed(/^leading$/);
    const renewed = async () => {
      const [holder] = (await lock.inspect('alive-leader')).holders;
      expect(Date.parse(holder?.expiresAt ?? '') - Date.parse(holder?.acquiredAt ?? '')).toBeGreaterThan(
        2_700,
      );
    };
    await eventually(renewed, 15_000);
    expect(running.process.exitCode).toBeNull();
    await lock.revoke('alive-leader', 'test');
    await running.printed(/^resigned$/);
    await running.kill();
  });

  it('ends by itself when everything is released, or its client is closed', async () => {
    const released = program(
      `const lease = await lock.acquire('ends-1');`,
      `await lease.release();`,
      `await lock.using('ends-2', {}, () => undefined);`,
      `await (await lock.session()).release();`,
    );
    const closed = program(`await lock.acquire('ends-3');`, `await lock.close();`);
    expect(await Promise.all([released.exited, closed.exited])).toEqual([0, 0]);
  });
});
