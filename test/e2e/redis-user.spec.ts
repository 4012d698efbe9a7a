import { ROLES } from '@syncline/contracts';
import { NodeProcess, RedisServer, startInVain } from '@syncline/testing';

const withUser = (url: string, user: string) => url.replace('redis://', `redis://${user}@`);

describe('a node whose Redis refuses its user', () => {
  it.each(ROLES)('does not start, and says why: %s', async (role) => {
    await using redis = await RedisServer.start({ args: ['--requirepass', 'right-password'] });
    const wrong = [redis.url, withUser(redis.url, ':wrong'), withUser(redis.url, 'nobody:wrong')];
    const [right] = await Promise.all([
      NodeProcess.start(role, { redisUrl: withUser(redis.url, ':right-password'), nodeId: 'n' }),
      ...wrong.map(async (url) => {
        const { code, output } = await startInVain(role, { REDIS_URL: url });
        expect(code).toBe(1);
        expect(output).toMatch(/Redis refuses the user or the password in REDIS_URL \((?:NOAUTH|WRONGPASS)/);
        expect(output).not.toContain('wrong@');
      }),
    ]);
    expect(await right.stop()).toBe(0);
  });

  it('does not start when the user lacks a right', async () => {
    await using redis = await RedisServer.start();
    const admin = redis.connect();
    await admin.call('ACL', 'SETUSER', 'blind', 'on', '>secret', '~*', '&*', '+@all', '-info');
    await admin.call('ACL', 'SETUSER', 'elsewhere', 'on', '>secret', '~other:*', '&*', '+@all');
    await admin.call('ACL', 'SETUSER', 'mute', 'on', '>secret', '~*', 'resetchannels', '+@all');
    admin.disconnect();
    await Promise.all(
      ['blind', 'elsewhere', 'mute'].map(async (user) => {
        const { code, output } = await startInVain('lock', {
          REDIS_URL: withUser(redis.url, `${user}:secret`),
        });
        expect([user, code]).toEqual([user, 1]);
        expect(output).toMatch(
          /Redis refuses the user or the password in REDIS_URL \((?:NOPERM|The user executing the script can't|ACL failure in script)/,
        );
      }),
    );
  });
});
