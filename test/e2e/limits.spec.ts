import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Certificates, eventually, NodeProcess, RedisServer, stopAll } from '@syncline/testing';
import request from 'supertest';
import { WebSocket } from 'ws';

const MAX_CONNECTIONS = 1_000;
const ANSWER_BYTES = 8 * 1_048_576;

let redis: RedisServer;
let lock: NodeProcess;
let queue: NodeProcess;
let small: NodeProcess;
const certificates = new Certificates();
const { cert, key } = certificates.issue('127.0.0.1');
const ca = certificates.read(certificates.ca);

beforeAll(async () => {
  redis = await RedisServer.start();
  const start = (role: 'lock' | 'queue', nodeId: string, env = {}) =>
    NodeProcess.start(role, { redisUrl: redis.url, nodeId, env });
  [lock, queue, small] = await Promise.all([
    start('lock', 'lock_1'),
    start('queue', 'queue_1', { MAX_CONNECTIONS: `${MAX_CONNECTIONS}` }),
    start('lock', 'lock_2', { MAX_CONNECTIONS: '4', TLS_CERT: cert, TLS_KEY: key }),
  ]);
});
afterAll(async () => {
  await stopAll([lock, queue, small]);
  await redis.stop();
  certificates.remove();
});

const portOf = ({ url }: NodeProcess) => Number(new URL(url).port);
/** Opens connections and asks on each, so that those that the node takes stay open. */
const openFrom = (localAddress: string, count: number): Socket[] =>
  Array.from({ length: count }, () => {
    const socket = connect({ port: portOf(queue), host: '127.0.0.1', localAddress });
    socket.on('error', () => undefined).resume();
    socket.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
    return socket;
  });
const keptOf = (sockets: readonly Socket[]) => sockets.filter((socket) => !socket.closed).length;

describe('A node', () => {
  it('ends requests whose head comes too slowly, and goes on with those that wait for an answer', async () => {
    await request(lock.url).post('/v1/locks/held/acquire').send({ owner: 'holder' }).expect(200);
    const waiting = request(lock.url)
      .post('/v1/locks/held/acquire')
      .send({ owner: 'waiter', waitMs: 14_000 });
    const answered = waiting.then(({ body }) => body.code);
    const slow = Array.from({ length: 50 }, () => {
      const socket = connect(portOf(lock), '127.0.0.1');
      const chunks: Buffer[] = [];
      socket.on('data', (chunk) => chunks.push(chunk)).on('error', () => undefined);
      socket.write('POST /v1/locks/slow/acquire HTTP/1.1\r\nHost: localhost\r\n');
      const dripping = setInterval(() => socket.write('X: y\r\n'), 500);
      return once(socket, 'close').then(() => {
        clearInterval(dripping);
        return Buffer.concat(chunks).toString();
      });
    });
    for (const said of await Promise.all(slow)) {
      expect(said).toMatch(/^HTTP\/1\.1 408 /);
      expect(said).toContain('request-timeout');
    }
    expect(await answered).toBe('wait-timeout');
  });

  it('keeps half of its connections for other addresses, and takes new ones when some end', async () => {
    const flood = openFrom('127.0.0.2', 2 * MAX_CONNECTIONS);
    await eventually(() => expect(keptOf(flood)).toBe(MAX_CONNECTIONS / 2));
    await request(queue.url).get('/health/live').expect(200);
    const others = openFrom('127.0.0.3', MAX_CONNECTIONS);
    await eventually(() => expect(keptOf([...flood, ...others])).toBe(MAX_CONNECTIONS));
    await expect(request(queue.url).get('/health/live')).rejects.toThrow();
    for (const socket of [...flood, ...others]) socket.destroy();
    await eventually(() => request(queue.url).get('/health/live').expect(200));
    expect(queue.output.match(/Connections are closed unread/g)).toHaveLength(1);
  });

  it('counts connections with TLS until they end', async () => {
    for (let round = 0; round < 10; round++) {
      await eventually(async () => {
        const socket = connectTls({ port: portOf(small), host: '127.0.0.1', ca });
        await once(socket, 'secureConnect');
        socket.destroy();
      });
    }
    const open = [0, 1].map(() => connectTls({ port: portOf(small), host: '127.0.0.1', ca }));
    await eventually(async () => expect(open.every((socket) => socket.authorized)).toBe(true));
    await expect(
      once(connectTls({ port: portOf(small), host: '127.0.0.1', ca }), 'secureConnect'),
    ).rejects.toThrow();
    for (const socket of open) socket.destroy();
  });

  it('bounds the call streams of an address', async () => {
    const url = `${lock.url.replace('http', 'ws')}/v1/calls`;
    const streams = Array.from({ length: 1_024 }, () => new WebSocket(url));
    await Promise.all(streams.map((stream) => once(stream, 'open')));
    const refused = new WebSocket(url).on('error', () => undefined);
    const [, response] = await once(refused, 'unexpected-response');
    expect([response.statusCode, response.headers['retry-after']]).toEqual([429, '1']);
    refused.terminate();
    for (const stream of streams) stream.terminate();
    await eventually(async () => {
      const again = new WebSocket(url);
      await once(again, 'open');
      again.terminate();
    });
  });

  it('ends a stream of events that nobody reads', async () => {
    const streams = async () => (await request(lock.url).get('/v1/node').expect(200)).body.streams;
    const before = await streams();
    const reader = connect(portOf(lock), '127.0.0.1').on('error', () => undefined);
    reader.write('GET /v1/locks/busy/events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await eventually(async () => expect(await streams()).toBe(before + 1));
    const metadata = { text: 'x'.repeat(4_000) };
    const operations = Array.from({ length: 100 }, (_, i) => {
      const leaseId = `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`;
      return [
        { op: 'acquire', name: 'busy', owner: 'o', leaseId, metadata },
        { op: 'release', name: 'busy', leaseId },
      ];
    }).flat();
    // More than the buffers of both sockets take.
    for (let bytes = 0; (await streams()) > before; bytes += 200 * 4_000) {
      expect(bytes).toBeLessThan(200_000_000);
      const fresh = JSON.stringify({ operations }).replaceAll(
        '00000000-',
        `${(bytes / 800_000).toString(16).padStart(8, '0')}-`,
      );
      await request(lock.url)
        .post('/v1/locks/batch')
        .set('Content-Type', 'application/json')
        .send(fresh)
        .expect(200);
    }
    reader.destroy();
  });

  it('counts the requests that wait, until they end or their client is gone', async () => {
    const path = '/v1/locks/line/acquire';
    const hold = { owner: 'holder', ttlMs: 600_000 };
    await request(lock.url).post(path).send(hold).expect(200);
    const body = { owner: 'waiter', waitMs: 60_000 };
    const stream = new WebSocket(`${lock.url.replace('http', 'ws')}/v1/calls`);
    await once(stream, 'open');
    stream.send(JSON.stringify([1, 2].map((id) => ({ id, path, body: { ...body, owner: `o${id}` } }))));
    const gone = new AbortController();
    const waiting = fetch(lock.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: gone.signal,
    });
    const count = async () =>
      /^waiting_requests (\d+)$/m.exec((await request(lock.url).get('/metrics')).text)?.[1];
    await eventually(async () => expect(await count()).toBe('3'));
    gone.abort();
    await expect(waiting).rejects.toThrow();
    await eventually(async () => expect(await count()).toBe('2'));
    stream.terminate();
    await eventually(async () => expect(await count()).toBe('0'));
  });

  it('hands out no more than an answer may have, whatever the bodies are', async () => {
    const body = 'x'.repeat(250_000);
    const call = (path: string, content: object) =>
      request(queue.url).post(`/v1/queues/${path}`).send(content);
    const send = async (name: string, message: object) => {
      const messages = [1, 2, 3, 4].map(() => ({ body, ...message }));
      const answer = await call(`${name}/messages`, { messages }).expect(201);
      return answer.body.messages.map(({ id }: { id: string }) => id) as string[];
    };
    /** Receives all and returns their ids. They are acknowledged, or given back at the end. */
    const receiveAll = async (name: string, end: 'ack' | 'nack') => {
      const ids: string[] = [];
      const receipts: string[] = [];
      for (;;) {
        const { text } = await call(`${name}/receive`, { max: 1_000 }).expect(200);
        expect(text.length).toBeLessThan(ANSWER_BYTES);
        const messages: { id: string; receipt: string }[] = JSON.parse(text).messages;
        if (messages.length === 0) break;
        ids.push(...messages.map(({ id }) => id));
        const found = messages.map(({ receipt }) => receipt);
        if (end === 'ack') await call(`${name}/ack`, { receipts: found }).expect(200);
        receipts.push(...found);
      }
      if (end === 'nack') await call(`${name}/nack`, { receipts, delayMs: 0 }).expect(200);
      return ids;
    };
    const sent = { plain: [] as string[], grouped: [] as string[] };
    for (let i = 0; i < 12; i++) {
      sent.plain.push(...(await send('plain', {})));
      sent.grouped.push(...(await send('grouped', { groupId: 'g' })));
    }
    expect(await receiveAll('plain', 'nack')).toEqual(sent.plain);
    expect(await receiveAll('plain', 'ack')).toEqual(sent.plain);
    expect(await receiveAll('grouped', 'ack')).toEqual(sent.grouped);
  });
});
