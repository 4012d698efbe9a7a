import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ForbiddenError, NotFoundError, QueueClient } from '@syncline/client';
import { Certificates, eventually, NodeProcess, RedisServer } from '@syncline/testing';

const OWNER = 'secret-of-the-owner-0';
const WORKER = 'secret-of-the-worker';

describe('a worker whose key may only consume', () => {
  const folder = mkdtempSync(join(tmpdir(), 'syncline-keys-'));
  const certificates = new Certificates();
  let redis: RedisServer;
  let node: NodeProcess;
  let owner: QueueClient;
  let client: QueueClient;

  beforeAll(async () => {
    const file = join(folder, 'keys.json');
    const grants = [{ role: 'queue', actions: ['consume'], names: ['*'] }];
    const hash = `sha256:${createHash('sha256').update(WORKER).digest('hex')}`;
    writeFileSync(file, JSON.stringify({ keys: [{ name: 'worker', secrets: [{ hash }], grants }] }));
    const { cert, key } = certificates.issue('localhost');
    const ca = certificates.read(certificates.ca);
    redis = await RedisServer.start();
    node = await NodeProcess.start('queue', {
      redisUrl: redis.url,
      nodeId: 'queue_1',
      env: { API_KEYS: `owner:${OWNER}:admin`, API_KEYS_FILE: file, TLS_CERT: cert, TLS_KEY: key },
    });
    [owner, client] = [OWNER, WORKER].map(
      (apiKey) => new QueueClient({ urls: [node.url.replace('127.0.0.1', 'localhost')], apiKey, ca }),
    ) as [QueueClient, QueueClient];
  });
  afterAll(async () => {
    await owner?.close();
    await client?.close();
    await node?.stop();
    await redis?.stop();
    rmSync(folder, { recursive: true });
    certificates.remove();
  });

  it.each([0, 60_000])(
    'works with settings of its own; results are kept for %d ms',
    async (keepResultsMs) => {
      const queue = owner.queue<number>(`kept-${keepResultsMs}`);
      await queue.configure({ keepResultsMs });
      const { id } = await queue.send(7);
      const errors: unknown[] = [];
      const options = {
        visibilityTimeoutMs: 30_000,
        backoff: { baseMs: 1_000, factor: 2, maxMs: 60_000 },
        onError: (error: unknown) => errors.push(error),
      };
      let handled = (_body: number) => {};
      const done = new Promise<number>((resolve) => {
        handled = resolve;
      });
      const handler = async ({ body }: { body: number }) => {
        handled(body);
        return body * 2;
      };
      const worker = client.queue<number>(queue.name).worker(handler, options);
      expect(await done).toBe(7);
      await worker.stop();
      if (keepResultsMs > 0) expect(await queue.result(id)).toBe(14);
      expect(errors).toEqual([]);
    },
  );

  it('keeps its message while its handler blocks: the thread calls with the key and over TLS', async () => {
    const queue = owner.queue<number>('blocked');
    await queue.send(1);
    let handled = 0;
    const options = { visibilityTimeoutMs: 2_000, backoff: { baseMs: 1, factor: 1, maxMs: 1 } };
    await using _worker = client.queue<number>('blocked').worker(() => {
      handled += 1;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 6_000);
    }, options);
    await eventually(async () => expect((await queue.inspect()).stats.acked).toBe(1));
    expect(handled).toBe(1);
    expect((await queue.inspect()).stats).toMatchObject({ failed: 0, received: 1 });
  });

  it('sends nothing with an ack where it may not send, and its message is not acknowledged', async () => {
    const queue = owner.queue<number>('unchained');
    await queue.send(1);
    const [message] = await client.queue('unchained').receive();
    const receipt = message?.receipt ?? '';
    const send = [{ queue: 'elsewhere', body: 1 }];
    const refused = client.queue('unchained').ack(receipt, undefined, { send });
    await expect(refused).rejects.toThrow(ForbiddenError);
    expect((await queue.inspect()).stats).toMatchObject({ inFlight: 1, acked: 0 });
    await expect(owner.queue('elsewhere').inspect()).rejects.toThrow(NotFoundError);
    expect(await queue.ack(receipt, undefined, { send })).toBe('acked');
    expect((await owner.queue('elsewhere').inspect()).stats).toMatchObject({ ready: 1 });
  });

  it('says that it needs to read the queue for the settings that it does not have', async () => {
    await owner.queue('unread').send(1);
    let refuse = (_error: unknown) => {};
    const refused = new Promise((resolve) => {
      refuse = resolve;
    });
    await using _worker = client.queue('unread').worker(() => {}, { onError: (error) => refuse(error) });
    expect(await refused).toBeInstanceOf(ForbiddenError);
  });
});
