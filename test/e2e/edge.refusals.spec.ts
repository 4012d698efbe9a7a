import { ROLES, type Role } from '@syncline/contracts';
import { eventually, NodeProcess, RedisServer } from '@syncline/testing';
import request from 'supertest';
import { sendRaw } from './raw-http.js';

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

let redis: RedisServer;
let nodes: Record<Role, NodeProcess>;
beforeAll(async () => {
  redis = await RedisServer.start();
  const started = await Promise.all(
    ROLES.map(
      async (role) =>
        [role, await NodeProcess.start(role, { redisUrl: redis.url, nodeId: `${role}_1` })] as const,
    ),
  );
  nodes = Object.fromEntries(started) as Record<Role, NodeProcess>;
});
afterAll(async () => {
  await Promise.all(Object.values(nodes).map((node) => node.stop()));
  await redis.stop();
});

const problemIn = (text: string | undefined) =>
  JSON.parse(text ?? 'null') as { code: string; status: number; detail: string; errors?: unknown[] };

it.each([
  ['invalid HTTP', ['NONSENSE'], 400, 'validation-failed'],
  ['an unknown method', ['FETCH / HTTP/1.1', 'Host: localhost'], 400, 'validation-failed'],
  ['an invalid path', ['GET nonsense HTTP/1.1 more', 'Host: localhost'], 400, 'validation-failed'],
  ['a broken header', ['GET / HTTP/1.1', 'Host: localhost', 'a b: c'], 400, 'validation-failed'],
  ['no host', ['GET /v1/cluster HTTP/1.1'], 400, 'validation-failed'],
  [
    'too many headers',
    ['GET / HTTP/1.1', 'Host: localhost', `X: ${'x'.repeat(20_000)}`],
    431,
    'headers-too-large',
  ],
  [
    'a path that is too long',
    [`GET /${'x'.repeat(20_000)} HTTP/1.1`, 'Host: localhost'],
    431,
    'headers-too-large',
  ],
  [
    'two lengths',
    [
      'POST /v1/locks/a/acquire HTTP/1.1',
      'Host: localhost',
      'Content-Length: 1',
      'Transfer-Encoding: chunked',
    ],
    400,
    'validation-failed',
  ],
])('a node answers %s with a problem', async (_what, lines, status, code) => {
  const answer = await sendRaw(nodes.lock.url, lines);
  expect(answer?.status).toBe(status);
  expect(answer?.headers).toMatchObject({
    'content-type': 'application/problem+json; charset=utf-8',
    'x-node-id': 'lock_1',
    'x-request-id': expect.stringMatching(/^\S+$/),
  });
  expect(problemIn(answer?.body)).toMatchObject({ status, code });
});

it('a node ignores unknown values of the Expect header', async () => {
  const lines = ['GET /health/live HTTP/1.1', 'Host: localhost', 'Expect: miracles'];
  expect((await sendRaw(nodes.lock.url, lines))?.status).toBe(200);
});

it.each(ROLES)('a %s node answers 405 with the methods that a route supports', async (role) => {
  const { url } = nodes[role];
  const document: Document = (await request(url).get('/api/doc-json').expect(200)).body;
  // A literal segment of one route may match a parameter of another one.
  const formOf = (path: string) => new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`);
  for (const path of Object.keys(document.paths)) {
    const methods = Object.entries(document.paths)
      .filter(([other]) => formOf(other).test(path))
      .flatMap(([, operations]) => Object.keys(operations))
      .map((method) => method.toUpperCase());
    const allowed = methods.includes('GET') ? [...methods, 'HEAD'] : methods;
    const target = path.replace(/\{\w+\}/g, 'x');
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      if (allowed.includes(method)) continue;
      const answer = await sendRaw(url, [`${method} ${target} HTTP/1.1`, 'Host: localhost']);
      expect([method, path, answer?.status]).toEqual([method, path, 405]);
      expect(answer?.headers.allow?.split(', ').sort()).toEqual([...new Set(allowed)].sort());
      if (method !== 'HEAD') expect(problemIn(answer?.body).code).toBe('method-not-allowed');
    }
  }
});

it('a node names the role that serves a path of another role', async () => {
  const paths = {
    lock: ['/v1/locks/a', '/v1/semaphores/a', '/v1/sessions'],
    queue: ['/v1/queues', '/v1/queues/a/messages'],
    cache: ['/v1/caches', '/v1/caches/a/entries/b'],
  };
  for (const asked of ROLES) {
    for (const answers of ROLES.filter((role) => role !== asked)) {
      for (const path of paths[answers]) {
        const { body } = await request(nodes[asked].url).get(path).expect(404);
        expect(body.code).toBe('not-found');
        expect(body.detail).toContain(`This is a ${asked} node.`);
        expect(body.detail).toContain(`${answers} nodes`);
      }
    }
  }
});

it('validation errors do not show messages of zod', async () => {
  const post = (role: Role, path: string, body: object) =>
    request(nodes[role].url).post(`/v1/${path}`).send(body);
  const said = [
    await post('lock', 'locks/a/acquire', {}),
    await post('lock', 'locks/a/acquire', {
      owner: 5,
      ttlMs: 'long',
      waitMs: -1,
      mode: 'both',
      leaseId: 'x',
      more: 1,
    }),
    await post('lock', 'locks/a/renew', {}),
    await post('lock', 'locks/acquire', { owner: 'o' }),
    await post('lock', 'locks/batch', {}),
    await post('lock', 'semaphores/a/acquire', { owner: 'o', permits: 1.5 }),
    await post('queue', 'queues/a/messages', {}),
    await post('queue', 'queues/a/messages', { messages: [{}] }),
    await post('queue', 'queues/a/receive', { max: 'all' }),
    await request(nodes.queue.url).get('/v1/queues?limit=many'),
    await request(nodes.queue.url).get('/v1/queues?limit=0&nonsense=1'),
    await post('cache', 'caches/a/mget', {}),
    await post('cache', 'caches/a/mset', { entries: [{}] }),
    await post('cache', 'caches/a/invalidate', { tags: 'a' }),
    await request(nodes.cache.url).put('/v1/caches/a').send({ coherence: 'maybe' }),
  ].map(({ body, status }) => ({ status, body }));
  for (const { status, body } of said) {
    expect([body.detail, status]).toEqual([body.detail, 400]);
    expect(body.detail).not.toMatch(
      /Invalid|Too (?:small|big)|Unrecognized|received|undefined|NaN|expected string|number to|>=|<=/,
    );
  }
  expect(said[0]?.body.detail).toContain('owner: required, a string of 1 to 256 characters');
});

it('an answer to thousands of validation errors is short', async () => {
  const headers = Object.fromEntries(Array.from({ length: 60_000 }, (_, i) => [`h${i}`, 0]));
  const { text } = await request(nodes.queue.url)
    .post('/v1/queues/a/messages')
    .send({ messages: [{ body: 1, headers }] })
    .expect((answer) => expect([400, 413]).toContain(answer.status));
  expect(text.length).toBeLessThan(20_000);
  const { text: unknown } = await request(nodes.queue.url).post('/v1/queues/a/ack').send(headers).expect(400);
  expect(unknown.length).toBeLessThan(20_000);
});

it('a node refuses a body with too many parts before parsing it, and accepts large parts', async () => {
  const send = (role: Role, path: string, text: string) =>
    request(nodes[role].url).post(`/v1/${path}`).set('Content-Type', 'application/json').send(text);
  for (const part of ['{}', '[]', '{"a":1}']) {
    const body = `[${Array.from({ length: 110_000 }, () => part).join(',')}]`;
    const { body: problem } = await send(
      'queue',
      'queues/a/messages',
      `{"messages":[{"body":${body}}]}`,
    ).expect(400);
    expect(problem.detail).toContain('at most 100000 objects, arrays and members');
  }
  const numbers = `[${Array.from({ length: 100_000 }, (_, i) => i % 10).join(',')}]`;
  await send('queue', 'queues/a/messages', `{"messages":[{"body":${numbers}}]}`).expect(201);
  // Brackets inside a string do not count.
  await send(
    'queue',
    'queues/a/messages',
    `{"messages":[{"body":"${'{\\"a\\":[]}'.repeat(20_000)}"}]}`,
  ).expect(201);
});

/** Operations that take many items, messages or values: all others have small bodies. */
const LARGE = [
  ...[
    'runBatch',
    'send',
    'ack',
    'nack',
    'extend',
    'watchDeliveries',
    'searchMessages',
    'deleteMessages',
    'redrive',
  ],
  ...['putSchedule', 'mget', 'mset', 'mdelete', 'put'],
];

it.each(ROLES)(
  '%s: every route refuses a body that is larger than it may need, before parsing it',
  async (role) => {
    const { body: document } = await request(nodes[role].url).get('/api/doc-json').expect(200);
    interface Operation {
      readonly operationId: string;
      readonly requestBody?: unknown;
    }
    const operations = Object.entries<Record<string, Operation>>(document.paths).flatMap(
      ([template, methods]) =>
        Object.entries(methods).map(([method, operation]) => ({ ...operation, template, method })),
    );
    const statuses = await Promise.all(
      operations.map(async ({ operationId, requestBody, template, method }) => {
        if (requestBody === undefined) return [operationId, null];
        const { status } = await fetch(`${nodes[role].url}${template.replace(/\{\w+\}/g, 'x')}`, {
          method: method.toUpperCase(),
          headers: { 'Content-Type': 'application/json' },
          // No JSON: whoever parses it says 400.
          body: '{'.padEnd(65_537),
        });
        return [operationId, status];
      }),
    );
    const judged = statuses.filter(([, status]) => status !== null);
    expect(judged.length).toBeGreaterThan(10);
    const larger = judged.filter(([, status]) => status !== 413).map(([operationId]) => operationId);
    expect(larger.sort()).toEqual(
      LARGE.filter((id) => operations.some(({ operationId }) => operationId === id)).sort(),
    );
  },
);

it('a node refuses a body that is not JSON in UTF-8', async () => {
  const send = (bytes: Buffer) =>
    request(nodes.lock.url)
      .post('/v1/locks/a/acquire')
      .set('Content-Type', 'application/json')
      .serialize((each) => each)
      .send(bytes as unknown as string);
  const broken = await send(
    Buffer.concat([Buffer.from('{"owner":"'), Buffer.from([0xff]), Buffer.from('"}')]),
  );
  expect([broken.status, broken.body.detail]).toEqual([400, 'body: expected JSON in UTF-8']);
  const text = await send(Buffer.from('{"owner":'));
  expect([text.status, text.body.detail]).toEqual([400, expect.stringMatching(/^body: not valid JSON/)]);
  await send(Buffer.from('\ufeff{"owner":"o","ttlMs":100}')).expect(200);
});

it.each(['', ' ', 'a b', 'x'.repeat(129), 'ä', '__proto__', 'a\tb', '"', '\u{7f}'])(
  'a node replaces the unsafe request id "%s"',
  async (id) => {
    const answer = await sendRaw(nodes.lock.url, [
      'GET /health/live HTTP/1.1',
      'Host: localhost',
      `X-Request-Id: ${id}`,
    ]);
    if (answer?.status === 400) return; // The HTTP parser refuses this header.
    expect(answer?.headers['x-request-id']).toMatch(/^[\x21-\x7e]{1,128}$/);
  },
);

it('a list has only names with the prefix, for any cursor', async () => {
  const { lock, queue } = nodes;
  for (const name of ['aa', 'ab', 'ba', 'bb', 'ca']) {
    await request(queue.url).put(`/v1/queues/list-${name}`).send({}).expect(200);
    await request(lock.url).post(`/v1/locks/list-${name}/acquire`).send({ owner: 'o' }).expect(200);
  }
  for (const [url, field] of [
    [lock.url, 'locks'],
    [queue.url, 'queues'],
  ] as const) {
    const list = async (query: string) => {
      const { body } = await request(url).get(`/v1/${field}?${query}`).expect(200);
      return body[field].map((each: { name: string }) => each.name);
    };
    expect(await list('prefix=list-b&cursor=list-aa')).toEqual(['list-ba', 'list-bb']);
    expect(await list('prefix=list-b&cursor=list-ba')).toEqual(['list-bb']);
    expect(await list('prefix=list-b&cursor=list-c')).toEqual([]);
    expect(await list('prefix=list-&cursor=list-bb')).toEqual(['list-ca']);
  }
});

it('a node tells a refused request in its log once, with its trace and without what may be secret, and 20 a second', async () => {
  const traceId = 'ab'.repeat(16);
  const lines = () =>
    [...nodes.lock.output.matchAll(/^\{.*"msg":"refused".*$/gm)].map(([line]) => JSON.parse(line));
  const ask = (id: string) =>
    request(nodes.lock.url)
      .post('/v1/locks/top-secret/acquire?token=top-secret')
      .set({ 'X-Request-Id': id, traceparent: `00-${traceId}-${'cd'.repeat(8)}-01` })
      .send({ owner: 5 });
  await eventually(async () => {
    const { headers } = await ask('refused');
    expect(lines()).toContainEqual(expect.objectContaining({ requestId: headers['x-request-id'] }));
  });
  const told = lines().find(({ requestId }) => requestId === 'refused');
  expect(told).toMatchObject({
    level: 30,
    method: 'POST',
    route: '/v1/locks/:name/acquire',
    status: 400,
    code: 'validation-failed',
    traceId,
  });
  expect(JSON.stringify(told)).not.toContain('top-secret');

  const startedAt = performance.now();
  const before = lines().length;
  await Promise.all(Array.from({ length: 200 }, () => ask('many')));
  const { statusCode } = await request(nodes.lock.url).get('/v1/locks/free').set('X-Request-Id', 'answered');
  expect(statusCode).toBe(200);
  const seconds = Math.ceil((performance.now() - startedAt) / 1_000) + 1;
  expect(lines().length - before).toBeLessThanOrEqual(20 * seconds);
});
