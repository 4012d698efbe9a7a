import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { GOING_AWAY, MAX_STREAMED_CALLS, type StreamedAnswer } from '@syncline/contracts';
import { eventually, NodeProcess, RedisServer } from '@syncline/testing';
import request from 'supertest';
import { WebSocket } from 'ws';

/** A minimal client of call streams. */
class Stream {
  private readonly waiting = new Map<number, (answer: StreamedAnswer) => void>();
  /** Ids in the order of the answers. */
  readonly answered: number[] = [];
  readonly closed: Promise<number>;
  private lastId = 0;

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data: Buffer) => {
      for (const answer of JSON.parse(data.toString()) as StreamedAnswer[]) {
        this.answered.push(answer.id);
        this.waiting.get(answer.id)?.(answer);
      }
    });
    this.closed = new Promise((resolve) => socket.once('close', resolve));
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<Stream> {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/calls`, { headers });
    await once(socket, 'open');
    return new Stream(socket);
  }

  call(path: string, body?: unknown): Promise<StreamedAnswer> & { readonly id: number } {
    this.lastId += 1;
    const id = this.lastId;
    const answer = new Promise<StreamedAnswer>((resolve) => this.waiting.set(id, resolve));
    this.socket.send(JSON.stringify([{ id, path, body }]));
    return Object.assign(answer, { id });
  }

  cancel(id: number): void {
    this.socket.send(JSON.stringify([{ id, cancel: true }]));
  }
}

const codeOf = ({ body }: StreamedAnswer) => (body as { code: string }).code;

describe('a call stream', () => {
  let redis: RedisServer;
  let lock: NodeProcess;
  let queue: NodeProcess;
  let stream: Stream;
  const waitersOf = async (name: string) =>
    (await request(lock.url).get(`/v1/locks/${name}`).expect(200)).body.waiters.length as number;

  beforeAll(async () => {
    redis = await RedisServer.start();
    [lock, queue] = await Promise.all([
      NodeProcess.start('lock', { redisUrl: redis.url, nodeId: 'lock_1' }),
      NodeProcess.start('queue', { redisUrl: redis.url, nodeId: 'queue_1' }),
    ]);
  });
  afterAll(async () => {
    await Promise.all([lock.stop(), queue.stop()]);
    await redis.stop();
  });
  beforeEach(async () => {
    stream = await Stream.open(lock.url);
  });
  afterEach(() => stream.socket.terminate());

  it('answers each call like a request over HTTP', async () => {
    const held = await stream.call('/v1/locks/a%3Ab/acquire', { owner: 'one' });
    expect(held).toMatchObject({ status: 200, body: { name: 'a:b', owner: 'one' } });
    for (const [path, body] of [
      ['/v1/locks/a%3Ab/acquire', { owner: 'two' }],
      ['/v1/locks/a%3Ab/acquire', { owner: '' }],
      ['/v1/locks/a%ZZ/acquire', { owner: 'two' }],
      ['/v1/locks/batch', { operations: [] }],
      ['/v1/locks/batch', { operations: [{ op: 'release', name: 'never', leaseId: 'x' }] }],
    ] as const) {
      const [streamed, single] = await Promise.all([
        stream.call(path, body),
        request(lock.url).post(path).send(body),
      ]);
      expect(streamed.status).toBe(single.status);
      if (path.includes('%ZZ')) expect(codeOf(streamed)).toBe(single.body.code);
      else expect(streamed.body).toEqual(single.body);
    }
    const messages = await Stream.open(queue.url);
    expect(await messages.call('/v1/queues/q/messages', { messages: [{ body: 1 }] })).toMatchObject({
      status: 201,
      body: { messages: [{ deduplicated: false }] },
    });
    messages.socket.terminate();
  });

  it('accepts only POST routes of the API', async () => {
    for (const path of [
      '/v1/locks',
      '/v1/nothing',
      '/health/live',
      'v1/locks/batch',
      '',
      '/v1/locks/a/acquire/',
    ]) {
      const answer = await stream.call(path, {});
      expect([path, answer.status, codeOf(answer)]).toEqual([path, 404, 'not-found']);
    }
  });

  it('does not make a call wait for the previous one', async () => {
    await stream.call('/v1/locks/busy/acquire', {
      owner: 'holder',
      leaseId: '5f0e9d5c-5a3b-4f6e-9f39-0a3c5d9d7a11',
    });
    const waiting = stream.call('/v1/locks/busy/acquire', { owner: 'waiter', waitMs: 60_000 });
    const other = stream.call('/v1/locks/free/acquire', { owner: 'other' });
    await other;
    await eventually(async () => expect(await waitersOf('busy')).toBe(1));
    const release = stream.call('/v1/locks/busy/release', {
      leaseId: '5f0e9d5c-5a3b-4f6e-9f39-0a3c5d9d7a11',
    });
    expect((await waiting).body).toMatchObject({ owner: 'waiter' });
    await release;
    expect(stream.answered.indexOf(other.id)).toBeLessThan(stream.answered.indexOf(waiting.id));
  });

  it('lets a client cancel a waiting call', async () => {
    await stream.call('/v1/locks/taken/acquire', { owner: 'holder' });
    const waiting = stream.call('/v1/locks/taken/acquire', { owner: 'waiter', waitMs: 60_000 });
    await eventually(async () => expect(await waitersOf('taken')).toBe(1));
    stream.cancel(waiting.id);
    await eventually(async () => expect(await waitersOf('taken')).toBe(0));
    expect((await stream.call('/v1/locks/after/acquire', { owner: 'o' })).status).toBe(200);
    expect(stream.answered).not.toContain(waiting.id);
  });

  it('ends waiting calls when its client disconnects', async () => {
    await stream.call('/v1/locks/left/acquire', { owner: 'holder' });
    const gone = await Stream.open(lock.url);
    void gone.call('/v1/locks/left/acquire', { owner: 'waiter', waitMs: 60_000 });
    await eventually(async () => expect(await waitersOf('left')).toBe(1));
    gone.socket.terminate();
    await eventually(async () => expect(await waitersOf('left')).toBe(0));
  });

  it('closes after an invalid message, and runs no call of it', async () => {
    for (const text of ['nonsense', '{}', '[]', '[{"id":-1,"path":"/v1/locks/batch"}]', '[{"id":1}]']) {
      const wrong = await Stream.open(lock.url);
      wrong.socket.send(text);
      expect([text, await wrong.closed]).toEqual([text, 1007]);
    }
    const twice = await Stream.open(lock.url);
    const call = { id: 1, path: '/v1/locks/twice/acquire', body: { owner: 'o' } };
    twice.socket.send(JSON.stringify([call, call]));
    expect(await twice.closed).toBe(1008);
  });

  it('limits the number of calls in flight', async () => {
    await stream.call('/v1/locks/full/acquire', { owner: 'holder' });
    const crowd = await Stream.open(lock.url);
    const calls = Array.from({ length: MAX_STREAMED_CALLS }, (_, id) => ({
      id,
      path: '/v1/locks/full/acquire',
      body: { owner: `waiter-${id}`, waitMs: 60_000 },
    }));
    crowd.socket.send(JSON.stringify(calls));
    await eventually(async () => expect(await waitersOf('full')).toBe(1_000)); // as many as are shown
    crowd.socket.send(
      JSON.stringify([{ id: MAX_STREAMED_CALLS, path: '/v1/locks/more/acquire', body: { owner: 'o' } }]),
    );
    expect(await crowd.closed).toBe(1008);
    await eventually(async () => expect(await waitersOf('full')).toBe(0));
  });

  it('cannot be opened by web pages, or at another path', async () => {
    const refusalOf = (path: string, options: object) =>
      new Promise<string | undefined>((resolve, reject) => {
        const socket = new WebSocket(`${lock.url.replace('http', 'ws')}${path}`, options);
        socket.on('error', () => undefined);
        socket.on('open', () => reject(new Error('It was opened')));
        socket.on('unexpected-response', async (_, response) => {
          const chunks = await response.toArray();
          socket.terminate();
          resolve(JSON.parse(Buffer.concat(chunks).toString()).code);
        });
      });
    expect(await refusalOf('/v1/calls', { origin: 'https://elsewhere.example' })).toBe('forbidden');
    expect(await refusalOf('/v1/locks', {})).toBe('not-found');
  });

  it('does not affect requests that offer another protocol', async () => {
    const answer = await new Promise<number | undefined>((resolve, reject) => {
      const offering = httpRequest(
        `${lock.url}/v1/locks/offered/acquire`,
        {
          method: 'POST',
          headers: {
            Connection: 'Upgrade, HTTP2-Settings',
            Upgrade: 'h2c',
            'HTTP2-Settings': 'AAMAAABkAAQAAP__',
            'Content-Type': 'application/json',
          },
        },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      );
      offering.on('error', reject);
      offering.end('{"owner":"java"}');
    });
    expect(answer).toBe(200);
  });

  it('is counted in the metrics by route', async () => {
    await stream.call('/v1/locks/counted/acquire', { owner: 'o' });
    const { text } = await request(lock.url).get('/metrics').expect(200);
    expect(text).toMatch(
      /http_request_duration_seconds_count\{method="POST",route="\/v1\/locks\/:name\/acquire",status="200"\} [1-9]/,
    );
  });
});

describe('a call stream with API keys', () => {
  it('has the right of the key in its handshake', async () => {
    const redis = await RedisServer.start();
    const keys = 'app:app-secret-0123456789:write,eye:eye-secret-0123456789:read';
    const node = await NodeProcess.start('lock', {
      redisUrl: redis.url,
      nodeId: 'lock_1',
      env: { API_KEYS: keys },
    });
    const acquireAs = async (headers: Record<string, string>) => {
      const stream = await Stream.open(node.url, headers);
      const answer = await stream.call('/v1/locks/a/acquire', { owner: 'o' });
      stream.socket.terminate();
      return answer;
    };
    expect(codeOf(await acquireAs({ Authorization: 'Bearer eye-secret-0123456789' }))).toBe('forbidden');
    expect((await acquireAs({ 'X-Api-Key': 'app-secret-0123456789' })).status).toBe(200);
    await node.stop();
    await redis.stop();
  });
});

describe('a call stream of a node that stops', () => {
  it('ends waiting calls, refuses new ones, and closes with 4001', async () => {
    const redis = await RedisServer.start();
    const node = await NodeProcess.start('lock', { redisUrl: redis.url, nodeId: 'lock_1' });
    const [idle, busy] = await Promise.all([Stream.open(node.url), Stream.open(node.url)]);
    await busy.call('/v1/locks/a/acquire', { owner: 'holder' });
    const waiting = busy.call('/v1/locks/a/acquire', { owner: 'waiter', waitMs: 60_000 });
    await eventually(async () => {
      expect((await request(node.url).get('/v1/locks/a').expect(200)).body.waiters).toHaveLength(1);
    });
    const stopped = node.stop();
    expect(codeOf(await waiting)).toBe('shutting-down');
    const late = await busy.call('/v1/locks/b/acquire', { owner: 'late' });
    expect(late).toMatchObject({ status: 503, retryAfter: 1 });
    expect(codeOf(late)).toBe('shutting-down');
    expect(await Promise.all([idle.closed, busy.closed])).toEqual([GOING_AWAY, GOING_AWAY]);
    await stopped;
    await redis.stop();
  });
});
