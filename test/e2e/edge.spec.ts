import { request as httpRequest, type IncomingMessage } from 'node:http';

import { eventually, NodeProcess, RedisServer } from '@syncline/testing';
import request from 'supertest';

const PROBLEM = 'application/problem+json; charset=utf-8';

describe('the HTTP edge of a node', () => {
  let redis: RedisServer;
  let node: NodeProcess;
  const keys = [
    'ops:ops-secret-0123456789:admin',
    'app:app-secret-0123456789:write',
    'eye:eye-secret-0123456789:read',
  ];

  beforeAll(async () => {
    redis = await RedisServer.start();
    node = await NodeProcess.start('lock', {
      redisUrl: redis.url,
      nodeId: 'lock_1',
      env: { API_KEYS: keys.join(',') },
    });
  });
  afterAll(async () => {
    await node.stop();
    await redis.stop();
  });
  const bearer = (name: string) => `Bearer ${name}-secret-0123456789`;

  it('answers an unknown route with a problem', async () => {
    const { body } = await request(node.url)
      .get('/v2/nothing?x=1')
      .expect(404)
      .expect('Content-Type', PROBLEM);
    expect(body).toEqual({
      type: 'urn:syncline:problem:not-found',
      title: expect.any(String),
      status: 404,
      detail: expect.stringContaining('/v2/nothing'),
      instance: '/v2/nothing',
      code: 'not-found',
    });
  });

  it('tells at its address where to go', async () => {
    const { body } = await request(node.url).get('/').expect(200);
    expect(body).toMatchObject({
      name: 'Syncline',
      role: 'lock',
      nodeId: 'lock_1',
      console: 'console/',
      documentation: 'api/doc',
    });
    const page = await request(node.url).get('/').set('Accept', 'text/html,*/*;q=0.8').expect(200);
    expect(page.headers['content-type']).toContain('text/html');
    const links = [...page.text.matchAll(/href="([^"]+)"/g)].map(([, link]) => link);
    for (const link of ['console/', 'api/doc', 'health/ready', 'metrics']) expect(links).toContain(link);
  });

  it('names the invalid field', async () => {
    const get = () =>
      request(node.url).get('/v1/cluster/owner?nonsense=1').set('Authorization', bearer('eye'));
    const { body } = await get().expect(400).expect('Content-Type', PROBLEM);
    expect(body.code).toBe('validation-failed');
    expect(body.errors.map((error: { path: string }) => error.path)).toContain('key');
  });

  it('sends its node id and a request id, and echoes a safe request id of the client', async () => {
    const fresh = await request(node.url).get('/health/live').expect('X-Node-Id', 'lock_1');
    expect(fresh.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    await request(node.url).get('/health/live').set('X-Request-Id', 'abc-1').expect('X-Request-Id', 'abc-1');
    const long = await request(node.url).get('/health/live').set('X-Request-Id', 'x'.repeat(200));
    expect(long.headers['x-request-id']).not.toContain('x'.repeat(129));
  });

  it('requires an API key when keys are configured, and checks its right', async () => {
    const get = () => request(node.url).get('/v1/cluster');
    expect((await get().expect(401).expect('Content-Type', PROBLEM)).body.code).toBe('unauthenticated');
    await get().set('Authorization', 'Bearer wrong').expect(401);
    await get().set('Authorization', bearer('eye')).expect(200);
    await get().set('X-Api-Key', 'ops-secret-0123456789').expect(200);
    await request(node.url).get('/health/ready').expect(200);
    const acquire = request(node.url).post('/v1/locks/a/acquire').set('Authorization', bearer('eye'));
    expect((await acquire.send({ owner: 'o' }).expect(403)).body.code).toBe('forbidden');
  });

  it('does not log a client that disconnects as a failure', async () => {
    const acquire = (body: object, signal: AbortSignal | null = null) =>
      fetch(`${node.url}/v1/locks/hang-up/acquire`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Authorization: bearer('app') },
        body: JSON.stringify(body),
        signal,
      });
    const waiters = async () => {
      const get = request(node.url).get('/v1/locks/hang-up').set('Authorization', bearer('eye'));
      return (await get.expect(200)).body.waiters.length;
    };
    expect((await acquire({ owner: 'holder' })).status).toBe(200);
    const caller = new AbortController();
    const parked = acquire({ owner: 'waiter', waitMs: 60_000 }, caller.signal);
    await eventually(async () => expect(await waiters()).toBe(1));
    caller.abort();
    await expect(parked).rejects.toThrow();
    await eventually(async () => expect(await waiters()).toBe(0));
    expect(node.output).not.toMatch(/"level":50/);
  });

  it('counts requests by route in its metrics', async () => {
    await request(node.url).get('/health/live').expect(200);
    const { text } = await request(node.url).get('/metrics').expect(200);
    expect(text).toMatch(
      /http_request_duration_seconds_count\{method="GET",route="\/health\/live",status="200"\} \d+/,
    );
  });

  it('serves Swagger UI and a document that lists the health and metrics routes', async () => {
    await request(node.url).get('/api/doc').expect(200).expect('Content-Type', /html/);
    const { body } = await request(node.url).get('/api/doc-json').expect(200);
    const paths = [
      '/health/live',
      '/health/ready',
      '/metrics',
      '/v1/cluster',
      '/v1/cluster/owner',
      '/v1/node',
    ];
    expect(Object.keys(body.paths)).toEqual(expect.arrayContaining(paths));
  });
});

describe('a node that is asked to stop', () => {
  it('answers new requests with 503 and Retry-After, breaks no request, and exits with 0', async () => {
    await using redis = await RedisServer.start();
    const node = await NodeProcess.start('lock', { redisUrl: redis.url, nodeId: 'lock_1' });
    const statuses: number[] = [];
    const broken: string[] = [];
    const get = () =>
      new Promise<IncomingMessage>((resolve, reject) => {
        httpRequest(`${node.url}/v1/cluster`, resolve).on('error', reject).end();
      });
    // Behaves like a client: reuses its connection, and moves to another node after a 503.
    const client = async () => {
      for (let status = 200; status === 200; ) {
        try {
          const response = await get();
          response.resume();
          status = response.statusCode ?? 0;
          statuses.push(status);
          if (status === 503) expect(response.headers['retry-after']).toBe('1');
        } catch (error) {
          broken.push(String(error));
          return;
        }
      }
    };
    const clients = Array.from({ length: 8 }, client);
    await eventually(() => expect(statuses.length).toBeGreaterThan(20));
    const stopped = node.stop();
    await Promise.all(clients);
    expect(await stopped).toBe(0);
    expect(broken).toEqual([]);
    expect(new Set(statuses)).toEqual(new Set([200, 503]));
  });
});
