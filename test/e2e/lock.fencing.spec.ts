import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PGlite } from '@electric-sql/pglite';
import { Child, NodeProcess, RedisServer } from '@syncline/testing';
import { acquire } from './lock.calls.js';

const GUIDE = readFileSync('docs/fencing.md', 'utf8');
const examples = (language: string): string[] =>
  [...GUIDE.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))].map((match) => match[1] ?? '');

/** Writes with a token. True: the resource took it. */
type Write = (token: string, value: string) => Promise<boolean>;

describe('the examples of the fencing guide', () => {
  let redis: RedisServer;
  let node: NodeProcess;

  beforeAll(async () => {
    redis = await RedisServer.start();
    node = await NodeProcess.start('lock', { redisUrl: redis.url, nodeId: 'lock_1' });
  });
  afterAll(async () => {
    await node.stop();
    await redis.stop();
  });

  /** A holder pauses for longer than its lease, its successor writes, and then it wakes up. */
  async function overtake(name: string, write: Write): Promise<void> {
    const { body: slow } = await acquire(node, name, { owner: 'slow', ttlMs: 100 });
    expect(await write(slow.fencingToken, '1')).toBe(true);
    expect(await write(slow.fencingToken, '2')).toBe(true);
    await sleep(120);
    const { body: next } = await acquire(node, name, { owner: 'next' });
    expect(await write(next.fencingToken, '3')).toBe(true);
    expect(await write(slow.fencingToken, '4')).toBe(false);
    expect(await write(next.fencingToken, '5')).toBe(true);
  }

  it('hold in SQL', async () => {
    const [table = '', update = ''] = examples('sql');
    const database = await PGlite.create();
    await database.exec(table);
    await database.query("INSERT INTO account (id, balance) VALUES ('a', 0)");
    await overtake('sql', async (token, value) => {
      const { rows } = await database.query(update, ['a', value, token]);
      return rows.length === 1;
    });
    const { rows } = await database.query('SELECT balance FROM account');
    expect(rows).toEqual([{ balance: 5 }]);
    await database.close();
    // A whole PostgreSQL starts here, within this process.
  });

  it('hold in Redis', async () => {
    const [script = ''] = examples('lua');
    const client = redis.connect();
    await overtake(
      'lua',
      async (token, value) =>
        (await client.eval(script, 2, '{doc}:value', '{doc}:fence', token, value)) === 1,
    );
    expect(await client.get('{doc}:value')).toBe('5');
    client.disconnect();
  });

  it('hold over HTTP', async () => {
    const [code = ''] = examples('js');
    const folder = await mkdtemp(join(tmpdir(), 'fencing-'));
    const file = join(folder, 'resource.mjs');
    await writeFile(file, `${code}\nserver.listen(0, () => console.log('port', server.address().port));\n`);
    const resource = new Child('resource', spawn(process.execPath, [file]));
    try {
      const [, port] = await resource.printed(/port (\d+)/);
      const put = (token: string, body: string) =>
        fetch(`http://127.0.0.1:${port}/`, { method: 'PUT', headers: { 'X-Fencing-Token': token }, body });
      await overtake('http', async (token, value) => {
        const { status } = await put(token, value);
        expect([200, 412]).toContain(status);
        return status === 200;
      });
      expect((await put('', 'x')).status).toBe(400);
    } finally {
      await resource.kill();
      await rm(folder, { recursive: true });
    }
  });
});
