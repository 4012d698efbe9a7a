import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeProcess, RedisServer } from '@syncline/testing';
import request from 'supertest';
import { CliHost } from './cli.process.js';

const folder = mkdtempSync(join(tmpdir(), 'syncline-cli-keys-'));
const file = join(folder, 'keys.json');
const cli = new CliHost([]);
afterAll(() => {
  cli.stop();
  rmSync(folder, { recursive: true });
});

describe('syncline keys', () => {
  it('new makes a key that check and a node take, and hash makes its hash', async () => {
    const grant = 'lock:lock,read:billing:*,nightly';
    const made = await cli.json(
      'keys',
      'new',
      'billing',
      '--grant',
      grant,
      '--expires',
      '2999-01-01T00:00:00Z',
    );
    const { secret, key } = made;
    expect(secret).toMatch(/^[\w-]{43}$/);
    expect(key).toEqual({
      name: 'billing',
      secrets: [{ hash: expect.stringMatching(/^sha256:[0-9a-f]{64}$/), expiresAt: '2999-01-01T00:00:00Z' }],
      grants: [{ role: 'lock', actions: ['lock', 'read'], names: ['billing:*', 'nightly'] }],
    });
    const hashed = await cli.run(['keys', 'hash'], `${secret}\n`);
    expect(hashed.stdout.toString()).toBe(`${key.secrets[0].hash}\n`);
    const second = await cli.json('keys', 'new', 'billing');
    const signing = await cli.json('keys', 'new', 'shop', '--sqs');
    expect(signing.key.secrets).toEqual([{ secret: signing.secret }]);
    expect(second.secret).not.toBe(secret);

    const old = { hash: second.key.secrets[0].hash, expiresAt: '2020-01-01T00:00:00Z' };
    writeFileSync(file, JSON.stringify({ keys: [{ ...key, secrets: [...key.secrets, old] }, signing.key] }));
    expect(await cli.text('keys', 'check', file, '--json')).not.toContain(signing.secret);
    expect(await cli.text('keys', 'check', file)).toMatch(
      /^KEY .*\nbilling +2, 1 expired +lock +lock,read +billing:\*,nightly\nshop +1, 1 in clear +- +- +-\n$/,
    );
    await using redis = await RedisServer.start();
    const env = { API_KEYS_FILE: file };
    const node = await NodeProcess.start('lock', { redisUrl: redis.url, nodeId: 'lock_1', env });
    const show = (name: string, bearer: string) =>
      request(node.url).get(`/v1/locks/${name}`).set('Authorization', `Bearer ${bearer}`);
    await show('nightly', secret).expect(200);
    await show('other', secret).expect(403);
    await show('nightly', second.secret).expect(401);
    await node.stop();
  });

  it('check exits with 1 for a file that a node would refuse, and quotes nothing of it', async () => {
    writeFileSync(file, '{"keys":[{"name":"a","secrets":[{"hash":"spilled"}],"grants":[]}]}');
    const { code, stdout, stderr } = await cli.run(['keys', 'check', file]);
    expect([code, stdout.length]).toEqual([1, 0]);
    expect(stderr).toMatch(/keys\.0\.secrets\.0\.hash: expected sha256:/);
    expect(stderr).not.toContain('spilled');
    expect((await cli.run(['keys', 'check', join(folder, 'nowhere')])).code).toBe(1);
  });

  it.each([
    [['new', 'a b'], ''],
    [['new', 'a', '--grant', 'queue:lock:*'], ''],
    [['new', 'a', '--grant', 'everything'], ''],
    [['new', 'a', '--expires', 'tomorrow'], ''],
    [['hash'], 'short'],
  ])('refuses %j', async (args, input) => {
    const { code, stdout } = await cli.run(['keys', ...args], input);
    expect([code, stdout.length]).toEqual([2, 0]);
  });
});
