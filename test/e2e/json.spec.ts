import { type NodeProcess, RedisServer, startNodes } from '@syncline/testing';
import request from 'supertest';

/** Keys that libraries may drop, as JSON text: an object literal could not have the first one. */
const STRANGE = '{"__proto__":{"admin":true},"constructor":"acme","prototype":[1],"toString":null}';
const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);

describe('JSON of clients', () => {
  let redis: RedisServer;
  let lock: NodeProcess;
  let queue: NodeProcess;
  let cache: NodeProcess;

  beforeAll(async () => {
    redis = await RedisServer.start();
    const start = async (role: 'lock' | 'queue' | 'cache') => {
      const [node] = await startNodes(role, 1, { redisUrl: redis.url });
      return node as NodeProcess;
    };
    [lock, queue, cache] = await Promise.all([start('lock'), start('queue'), start('cache')]);
  });
  afterAll(async () => {
    await Promise.all([lock.stop(), queue.stop(), cache.stop()]);
    await redis.stop();
  });

  const post = (node: NodeProcess, path: string, text: string) =>
    request(node.url).post(`/v1/${path}`).set('Content-Type', 'application/json').send(text);
  const takeWith = (metadata: string) =>
    post(lock, 'locks/json/acquire', `{"owner":"me","metadata":{"job":${metadata}}}`);
  const sendWith = (body: string) => post(queue, 'queues/json/messages', `{"messages":[{"body":${body}}]}`);
  const storeWith = (value: string) =>
    post(cache, 'caches/json/mset', `{"entries":[{"key":"k","value":${value}}]}`);
  const read = () => post(cache, 'caches/json/mget', '{"keys":["k"]}').expect(200);

  it('is returned with every key', async () => {
    const { text: lease } = await takeWith(STRANGE).expect(200);
    expect(lease).toContain(STRANGE);
    await sendWith(STRANGE).expect(201);
    const { text: received } = await post(queue, 'queues/json/receive', '{}').expect(200);
    expect(received).toContain(STRANGE);
    await storeWith(STRANGE).expect(200);
    expect((await read()).text).toContain(STRANGE);
  });

  it('is refused with 400 when it is nested too deep', async () => {
    for (const levels of [257, 20_000]) {
      for (const refused of [takeWith, sendWith, storeWith]) {
        const { body } = await refused(nested(levels)).expect(400);
        expect(body).toMatchObject({
          code: 'validation-failed',
          errors: [expect.objectContaining({ message: 'expected at most 256 levels of nesting' })],
        });
      }
    }
    await sendWith(nested(256)).expect(201);
  });

  it('is refused with 400 when it is not packed as its Content-Encoding says', async () => {
    for (const [node, path] of [
      [lock, 'locks/json/acquire'],
      [queue, 'queues/json/messages'],
      [cache, 'caches/json/mget'],
    ] as const) {
      for (const encoding of ['gzip', 'deflate', 'br']) {
        const { body } = await post(node, path, 'not packed').set('Content-Encoding', encoding).expect(400);
        expect(body).toMatchObject({
          code: 'validation-failed',
          errors: [{ path: 'body', message: expect.stringContaining('Content-Encoding') }],
        });
      }
    }
  });

  it('is refused when it has unknown fields', async () => {
    const { body } = await post(lock, 'locks/json/acquire', '{"owner":"me","__proto__":{"a":1}}').expect(400);
    expect(body.code).toBe('validation-failed');
    await post(lock, 'locks/json/acquire', `{"owner":${nested(20_000)}}`).expect(400);
  });

  it('is returned as text when stored bytes of type JSON are nested too deep', async () => {
    const deep = nested(20_000);
    await request(cache.url)
      .put('/v1/caches/json/entries/k')
      .set('Content-Type', 'application/json')
      .send(deep);
    const { body } = await read();
    expect(body.entries[0]).toMatchObject({ encoding: 'utf8', value: deep });
  });
});
