import { NodeProcess, RedisServer } from '@syncline/testing';
import request from 'supertest';
import { WebSocket } from 'ws';
import { sendRaw } from './raw-http.js';

const PROBLEM = 'application/problem+json; charset=utf-8';

describe('a node without API keys', () => {
  let redis: RedisServer;
  let node: NodeProcess;
  beforeAll(async () => {
    redis = await RedisServer.start();
    node = await NodeProcess.start('queue', {
      redisUrl: redis.url,
      nodeId: 'queue_1',
      env: {
        PEERS: 'queue_1@queue-1.example.net:8004,queue_2@queue-2.example.net:8005',
        ALLOWED_HOSTS: 'queue.example.com, *.apps.example.com',
      },
    });
    await request(node.url).put('/v1/queues/jobs').send({}).expect(200);
    const messages = [{ body: 1 }, { body: 2 }];
    await request(node.url).post('/v1/queues/jobs/messages').send({ messages }).expect(201);
  });
  afterAll(async () => {
    await node.stop();
    await redis.stop();
  });
  const host = () => new URL(node.url).host;
  const get = (name: string) => sendRaw(node.url, ['GET /v1/queues/jobs HTTP/1.1', `Host: ${name}`]);

  const FROM_OTHER_SITES: Record<string, string>[] = [
    { Origin: 'https://elsewhere.example' },
    { Origin: 'null' },
    { Origin: 'http://localhost:3000' },
    { Origin: 'https://elsewhere.example', 'Content-Type': 'text/plain' },
    { Origin: 'https://elsewhere.example', 'Content-Type': 'application/x-www-form-urlencoded' },
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site' },
    { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors', Origin: 'https://elsewhere.example' },
  ];

  it('refuses changes from web pages of other sites', async () => {
    const calls = [
      ['post', '/v1/queues/jobs/purge'],
      ['post', '/v1/queues/jobs/pause'],
      ['post', '/v1/queues/jobs/receive'],
      ['put', '/v1/queues/jobs'],
      ['delete', '/v1/queues/jobs'],
    ] as const;
    for (const headers of FROM_OTHER_SITES) {
      for (const [method, path] of calls) {
        const { body, status, type } = await request(node.url)[method](path).set(headers);
        expect([headers, path, status, type, body.code]).toEqual([
          headers,
          path,
          403,
          'application/problem+json',
          'forbidden',
        ]);
      }
    }
    const { body } = await request(node.url).get('/v1/queues/jobs').expect(200);
    expect(body.stats).toMatchObject({ ready: 2, inFlight: 0 });
  });

  it('serves its own Swagger UI, and programs', async () => {
    const pause = (headers: Record<string, string>) =>
      request(node.url).post('/v1/queues/jobs/pause').set(headers).expect(200);
    await pause({});
    await pause({ Origin: `http://${host()}` });
    await pause({ Origin: `http://${host()}`, 'Sec-Fetch-Site': 'same-origin' });
    await pause({ 'Sec-Fetch-Site': 'none' });
    await request(node.url).post('/v1/queues/jobs/resume').expect(200);
    await request(node.url).get('/v1/queues/jobs').set('Origin', 'https://elsewhere.example').expect(200);
  });

  it('serves requests for its own host names', async () => {
    for (const name of [
      host(),
      'localhost:8004',
      'LOCALHOST',
      'jobs.localhost',
      '10.1.2.3:8004',
      '[::1]:8004',
      'queue_node_1:8004',
      'queue-1.example.net:8004',
      'queue-2.example.net',
      'queue-2.example.net.',
      'Queue.Example.com:443',
      'a.b.apps.example.com',
    ]) {
      expect([name, (await get(name))?.status]).toEqual([name, 200]);
    }
  });

  it('refuses requests for other host names (DNS rebinding)', async () => {
    for (const name of [
      'elsewhere.example',
      'elsewhere.example:8004',
      'localhost.elsewhere.example',
      '127.0.0.1.elsewhere.example',
      'queue.example.com.elsewhere.example',
      'apps.example.com',
      'xapps.example.com',
      '[::1].elsewhere.example',
      'user@localhost.example',
    ]) {
      const answer = await get(name);
      expect([name, answer?.status]).toEqual([name, 403]);
      expect(answer?.headers['content-type']).toBe(PROBLEM);
      expect(answer?.body).toContain('ALLOWED_HOSTS');
    }
    const refused = new WebSocket(`${node.url.replace('http', 'ws')}/v1/calls`, {
      headers: { Host: 'elsewhere.example' },
    });
    const status = await new Promise((resolve) => {
      refused.on('error', () => undefined);
      refused.on('unexpected-response', (_, response) => resolve(response.statusCode));
    });
    refused.terminate();
    expect(status).toBe(403);
  });
});

describe('a node with API keys', () => {
  it('serves requests for any host name, unless ALLOWED_HOSTS is set', async () => {
    await using redis = await RedisServer.start();
    const start = (nodeId: string, more: Record<string, string>) =>
      NodeProcess.start('lock', {
        redisUrl: redis.url,
        nodeId,
        env: { API_KEYS: 'app:app-secret-0123456789:write', ...more },
      });
    const [open, told] = await Promise.all([start('a', {}), start('b', { ALLOWED_HOSTS: 'lock.example' })]);
    const get = ({ url }: NodeProcess, host: string) =>
      sendRaw(url, ['GET /v1/locks HTTP/1.1', `Host: ${host}`, 'X-Api-Key: app-secret-0123456789']);
    expect((await get(open, 'elsewhere.example'))?.status).toBe(200);
    expect((await get(told, 'elsewhere.example'))?.status).toBe(403);
    expect((await get(told, 'lock.example'))?.status).toBe(200);
    await Promise.all([open.stop(), told.stop()]);
  });
});
