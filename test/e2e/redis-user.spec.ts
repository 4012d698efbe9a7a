import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ROLES } from '@syncline/contracts';
import { Child, freePort, NodeProcess, RedisServer } from '@syncline/testing';

/** Starts a node that should fail. */
const startInVain = async (role: string, redisUrl: string) => {
  const main = join(process.cwd(), 'dist', 'apps', role, 'apps', role, 'src', 'main.js');
  const node = new Child(
    role,
    spawn(process.execPath, [main], {
      env: { PATH: process.env.PATH, NODE_ID: 'n', PORT: String(await freePort()), REDIS_URL: redisUrl },
    }),
  );
  return { code: await node.exited, output: node.output };
};
const withUser = (url: string, user: string) => url.replace('redis://', `redis://${user}@`);

describe('a node whose Redis refuses its user', () => {
  it.each(ROLES)('does not start, and says why: %s', async (role) => {
    await using redis = await RedisServer.start({ args: ['--requirepass', 'right-password'] });
    for (const url of [redis.url, withUser(redis.url, ':wrong'), withUser(redis.url, 'nobody:wrong')]) {
      const { code, output } = await startInVain(role, url);
      expect(code).toBe(1);
      expect(output).toMatch(/Redis refuses the user or the password in REDIS_URL \((?:NOAUTH|WRONGPASS)/);
      expect(output).not.toContain('wrong@');
    }
    const node = await NodeProcess.start(role, {
      redisUrl: withUser(redis.url, ':right-password'),
      nodeId: 'n',
    });
    expect(await node.stop()).toBe(0);
  });

  it('does not start when the user lacks a right', async () => {
    await using redis = await RedisServer.start();
    const admin = redis.connect();
    await admin.call('ACL', 'SETUSER', 'blind', 'on', '>secret', '~*', '&*', '+@all', '-info');
    await admin.call('ACL', 'SETUSER', 'elsewhere', 'on', '>secret', '~other:*', '&*', '+@all');
    await admin.call('ACL', 'SETUSER', 'mute', 'on', '>secret', '~*', 'resetchannels', '+@all');
    admin.disconnect();
    for (const user of ['blind', 'elsewhere', 'mute']) {
      const { code, output } = await startInVain('lock', withUser(redis.url, `${user}:secret`));
      expect([user, code]).toEqual([user, 1]);
      expect(output).toMatch(
        /Redis refuses the user or the password in REDIS_URL \((?:NOPERM|The user executing the script can't)/,
      );
    }
  });
});
