import { once } from 'node:events';
import { ROLES } from '@syncline/contracts';
import { eventually, NodeProcess, RedisServer, stopAll } from '@syncline/testing';
import request from 'supertest';
import { WebSocket } from 'ws';

const secretOf = (name: string) => `${name}-secret-0123456789`;
const API_KEYS = `ops:${secretOf('ops')}:admin,app:${secretOf('app')}:write,eye:${secretOf('eye')}:read`;

interface Operation {
  readonly responses: Readonly<Record<string, { readonly description?: string }>>;
  readonly requestBody?: { readonly content: Readonly<Record<string, { schema?: { example?: object } }>> };
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

let redis: RedisServer;
let nodes: NodeProcess[];
beforeAll(async () => {
  redis = await RedisServer.start();
  nodes = await Promise.all(
    ROLES.map((role) =>
      NodeProcess.start(role, { redisUrl: redis.url, nodeId: `${role}_1`, env: { API_KEYS } }),
    ),
  );
});
afterAll(async () => {
  await stopAll(nodes);
  await redis.stop();
});

const as = (name: string) => ({ Authorization: `Bearer ${secretOf(name)}` });
const auditOf = async ({ url }: NodeProcess, query = 'limit=1000') => {
  const { body } = await request(url).get(`/v1/audit?${query}`).set(as('ops')).expect(200);
  return body;
};

describe.each(ROLES.map((role, i) => [role, i] as const))('the trail of %s nodes', (role, i) => {
  const node = () => nodes[i] as NodeProcess;

  it('has every call that configures, destroys or takes away, with who made it and how it ended', async () => {
    const { url } = node();
    const document: Document = (await request(url).get('/api/doc-json').expect(200)).body;
    const told = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.entries(operations)
        .filter(([, { responses }]) => /`(configure|purge|admin)`/.test(responses[403]?.description ?? ''))
        .map(([method]) => ({ method: method.toUpperCase(), path })),
    );
    // Without reading the trail, which is told like all that needs `admin`.
    expect(told.length).toBeGreaterThan(2);
    const made = await Promise.all(
      told.map(async ({ method, path }, place) => {
        const requestId = `walk-${role}-${place}`;
        const { status } = await fetch(url + path.replaceAll(/\{\w+\}/g, 'audited'), {
          method,
          headers: { ...as('ops'), 'X-Request-Id': requestId, 'Content-Type': 'application/json' },
          body: method === 'GET' ? null : '{}',
        });
        return { requestId, status, call: `${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}` };
      }),
    );
    await eventually(async () => {
      const { entries } = await auditOf(node());
      for (const each of made) {
        const entry = entries.find(({ requestId }: { requestId: string }) => requestId === each.requestId);
        expect(entry).toMatchObject({
          ...each,
          nodeId: `${role}_1`,
          key: 'ops',
          address: '127.0.0.1',
          action: expect.stringMatching(/^(configure|purge|admin)$/),
          outcome: each.status < 400 ? 'done' : 'failed',
          name: each.call.includes('/:') ? 'audited' : null,
        });
        expect(node().output).toContain(`"requestId":"${each.requestId}"`);
      }
    });
  });

  it('has what was refused, over HTTP and call streams, but no secret', async () => {
    const { url } = node();
    const path = { lock: 'locks/l/acquire', queue: 'queues/q/receive', cache: 'caches/c/mset' }[role];
    const ask = (id: string, headers: Record<string, string>) =>
      request(url)
        .post(`/v1/${path}?token=${secretOf('query')}`)
        .set('X-Request-Id', id)
        .set(headers);
    await ask('unknown', { Authorization: `Bearer ${secretOf('wrong')}` }).expect(401);
    await ask('reader', as('eye')).expect(403);
    const ws = (headers: Record<string, string>) =>
      new WebSocket(`${url.replace('http', 'ws')}/v1/calls`, { headers }).on('error', () => undefined);
    const [, response] = await once(ws({ 'X-Api-Key': secretOf('wrong') }), 'unexpected-response');
    expect(response.statusCode).toBe(401);
    const stream = ws(as('eye'));
    await once(stream, 'open');
    stream.send(JSON.stringify([{ id: 7, path: `/v1/${path}`, body: {} }]));
    await once(stream, 'message');
    stream.terminate();

    const ofRefusals = await eventually(async () => {
      const { entries } = await auditOf(node());
      const found = entries.filter(({ outcome }: { outcome: string }) => outcome === 'refused');
      expect(found).toHaveLength(4);
      return found;
    });
    const [streamed, opening, reader, unknown] = ofRefusals;
    const call = `POST /v1/${path.replace(/\/\w\b/, `/:${{ lock: 'name', queue: 'queue', cache: 'cache' }[role]}`)}`;
    expect(unknown).toMatchObject({ requestId: 'unknown', key: null, status: 401, call });
    expect(reader).toMatchObject({ requestId: 'reader', key: 'eye', status: 403, call });
    expect(opening).toMatchObject({ key: null, status: 401, call: 'GET /v1/calls' });
    expect(streamed).toMatchObject({
      key: 'eye',
      status: 403,
      call,
      requestId: expect.stringMatching(/\.7$/),
    });
    const kept = JSON.stringify(await auditOf(node())) + node().output;
    expect(kept).not.toContain('-secret-');
  });
});

it('The trail is read by admins alone, page by page', async () => {
  const [lock] = nodes as [NodeProcess];
  await request(lock.url).get('/v1/audit').set(as('app')).expect(403);
  await request(lock.url).get('/v1/audit?cursor=x').set(as('ops')).expect(400);
  const first = await auditOf(lock, 'limit=2');
  const second = await auditOf(lock, `limit=2&cursor=${first.cursor}`);
  const ids = [...first.entries, ...second.entries].map(({ requestId }) => requestId);
  expect(new Set(ids).size).toBe(4);
});

it('The trail holds no call up while Redis is frozen, and drops and counts what is too much', async () => {
  const [, queue] = nodes as [NodeProcess, NodeProcess];
  redis.freeze();
  try {
    for (let round = 0; round < 20; round++) {
      const refused = Array.from({ length: 50 }, () => request(queue.url).post('/v1/queues/q/purge'));
      for (const { status } of await Promise.all(refused)) expect(status).toBe(401);
    }
    const { text } = await request(queue.url).get('/metrics').expect(200);
    expect(Number(/^audit_dropped_total (\d+)$/m.exec(text)?.[1])).toBeGreaterThan(100);
  } finally {
    redis.thaw();
  }
  await eventually(async () => {
    await request(queue.url).put('/v1/queues/after').set(as('ops')).send({}).expect(200);
    const { entries } = await auditOf(queue);
    expect(entries).toContainEqual(expect.objectContaining({ name: 'after', outcome: 'done' }));
  });
  expect(queue.output).not.toMatch(/"level":50/);
});
