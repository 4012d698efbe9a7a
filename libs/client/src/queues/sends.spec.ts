import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Deployment, WAYS } from '../../../../test/stages/deployment.js';
import { ConnectionError, PayloadTooLargeError, QueueClient, ValidationError } from '../index.js';

let deployment: Deployment;
let queues: QueueClient;

/** The outcome of each: its value, or the name of its error. */
const endings = async (sends: readonly Promise<unknown>[]) =>
  (await Promise.allSettled(sends)).map((one) =>
    one.status === 'fulfilled' ? 'sent' : (one.reason as Error).constructor.name,
  );

/** How many requests for a path the nodes have answered, over HTTP or a call stream. */
async function answered(path: string): Promise<number> {
  const pages = deployment.nodes.map(async ({ url }) => (await fetch(`${url}/metrics`)).text());
  const metrics = (await Promise.all(pages)).join('\n');
  return metrics
    .split('\n')
    .filter((line) => /_count\{/.test(line) && line.includes(path))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

describe.each(WAYS)('queues over %s:', (way) => {
  beforeAll(async () => {
    deployment = await Deployment.start(way, 'queue');
    queues = await deployment.connectQueues();
  });
  afterAll(() => deployment?.stop());

  describe('messages that are sent in one turn', () => {
    it('are refused by a full queue in few requests', async () => {
      const queue = queues.queue<number>('full');
      await queue.configure({ maxLength: 7 });
      const before = await answered('/messages');
      const ended = await endings(Array.from({ length: 500 }, (_, i) => queue.send(i)));
      expect(ended).toEqual(Array.from({ length: 500 }, (_, i) => (i < 7 ? 'sent' : 'QueueFullError')));
      expect((await queue.receive({ max: 10 })).map(({ body }) => body)).toEqual([0, 1, 2, 3, 4, 5, 6]);
      expect((await answered('/messages')) - before).toBeLessThanOrEqual(8);
    });

    it('have the same outcome as alone when the queue has room for some', async () => {
      const queue = queues.queue<unknown>('some-room');
      await queue.configure({ maxBytes: 1_000 });
      const first = await queue.send('a', { deduplicationId: 'a' });
      const large = 'x'.repeat(2_000);
      const sends = [
        queue.send(large),
        queue.send('a', { deduplicationId: 'a' }),
        queue.send('b', { priority: 99 }),
        queue.send('c'),
        queue.send(large),
      ];
      expect(await endings(sends)).toEqual([
        'QueueFullError',
        'sent',
        'ValidationError',
        'sent',
        'QueueFullError',
      ]);
      expect(await sends[1]).toEqual({ id: first.id, deduplicated: true });
      expect((await queue.receive({ max: 10 })).map(({ body }) => body)).toEqual(['a', 'c']);
    });

    it('are sent although one of them is not a JSON value', async () => {
      const queue = queues.queue<unknown>('json');
      const loop: unknown[] = [];
      loop.push(loop);
      const throwing = {
        toJSON() {
          throw new RangeError('own');
        },
      };
      const ended = await endings([
        queue.send('a'),
        queue.send(10n),
        queue.send(loop),
        queue.send(() => 1),
        queue.send(undefined),
        queue.send(Symbol('s')),
        queue.send(throwing),
        queue.send({ toJSON: () => undefined }),
        queue.send('b'),
      ]);
      expect(ended).toEqual([
        'sent',
        ...Array.from({ length: 5 }, () => 'TypeError'),
        'RangeError',
        'TypeError',
        'sent',
      ]);
      expect((await queue.receive({ max: 10 })).map(({ body }) => body)).toEqual(['a', 'b']);
    });

    it('are received unchanged, with any JSON value', async () => {
      const queue = queues.queue<unknown>('kept');
      const bodies = [
        null,
        false,
        0,
        '',
        [],
        {},
        '\ud800',
        '"',
        { toString: 1 },
        JSON.parse('{"__proto__":{"a":1}}'),
      ];
      await Promise.all(bodies.map((body) => queue.send(body, { headers: {} })));
      expect(JSON.stringify((await queue.receive({ max: 20 })).map(({ body }) => body))).toBe(
        JSON.stringify(bodies),
      );
    });

    it('each get their own validation errors', async () => {
      const queue = queues.queue<unknown>('wrong');
      const sends = [queue.send('x'.repeat(300_000)), queue.send(1, { delayMs: -1 }), queue.send(2)];
      const [large, early] = await Promise.allSettled(sends);
      expect(large).toMatchObject({ reason: expect.any(PayloadTooLargeError) });
      expect(early).toMatchObject({ reason: expect.any(ValidationError) });
      expect((await sends[2])?.deduplicated).toBe(false);
      // Also when all of them are invalid.
      const wrong = [queue.send('x'.repeat(300_000)), queue.send(1, { delayMs: -1 })];
      expect(await endings(wrong)).toEqual(['PayloadTooLargeError', 'ValidationError']);
    });
  });

  if (way === 'nodes') {
    describe('a send with a deduplication id', () => {
      let proxy: Server;
      let cuts = 0;
      /** A proxy that cuts the connection of the first sends after the node has answered. */
      beforeAll(async () => {
        proxy = createServer(async (request, response) => {
          const chunks: Buffer[] = [];
          for await (const chunk of request) chunks.push(chunk as Buffer);
          const { method = '', url = '' } = request;
          const answer = await fetch(`${deployment.nodes[0]?.url}${url}`, {
            method,
            headers: { 'content-type': 'application/json' },
            ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
          });
          const body = Buffer.from(await answer.arrayBuffer());
          if (url.endsWith('/messages') && cuts > 0) {
            cuts -= 1;
            request.socket.destroy();
            return;
          }
          response
            .writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
            .end(body);
        });
        await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
      });
      afterAll(() => {
        proxy?.closeAllConnections();
        proxy?.close();
      });

      it('is repeated when its answer is lost, also together with sends without an id', async () => {
        const { port } = proxy.address() as AddressInfo;
        await using client = new QueueClient({ urls: [`http://127.0.0.1:${port}`] });
        const queue = client.queue<string>('repeated');
        await queue.configure();
        cuts = 2;
        const [once, twice, other] = await Promise.allSettled([
          queue.send('once', { deduplicationId: '1', groupId: 'g' }),
          queue.send('may be there', { groupId: 'g' }),
          queue.send('once too', { deduplicationId: '2', groupId: 'g' }),
        ]);
        expect([once, other]).toMatchObject([
          { value: { deduplicated: true } },
          { value: { deduplicated: true } },
        ]);
        expect(twice).toMatchObject({ reason: expect.any(ConnectionError) });
        expect(twice).toMatchObject({ reason: { outcome: 'unknown' } });
        const got = await queue.receive({ max: 10 });
        expect(got.map(({ body }) => body)).toEqual(['once', 'may be there', 'once too']);
      });
    });
  }

  describe('Queue.redrive', () => {
    it('moves many thousand messages, and no more than max', async () => {
      const queue = queues.queue<number>('redriven');
      await queue.configure({ maxReceives: 1 });
      for (let from = 0; from < 6_000; from += 1_000) {
        await Promise.all(Array.from({ length: 1_000 }, (_, i) => queue.send(from + i)));
        let left = 1_000;
        while (left > 0) {
          const got = await queue.receive({ max: 1_000 });
          await queue.nack(got.map(({ receipt }) => receipt));
          left -= got.length;
        }
      }
      const dead = queues.queue('redriven.dead');
      expect((await dead.inspect()).stats.ready).toBe(6_000);
      expect(await dead.redrive({ max: 250 })).toBe(250);
      expect((await dead.inspect()).stats.ready).toBe(5_750);
      expect(await dead.redrive()).toBe(5_750);
      expect(await dead.redrive()).toBe(0);
      expect((await queue.inspect()).stats).toMatchObject({ ready: 6_000, dead: 0 });
    }, 60_000);
  });
});
