import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ACTIONS, type Action, ROLES, type Role, type StreamedAnswer } from '@syncline/contracts';
import { eventually, NodeProcess, RedisServer } from '@syncline/testing';
import request from 'supertest';
import { WebSocket } from 'ws';

const folder = mkdtempSync(join(tmpdir(), 'syncline-tenants-'));
const file = join(folder, 'keys.json');
const ACTIONS_OF_TENANTS = [...new Set(Object.values(ACTIONS).flat())].filter((one) => one !== 'admin');

/** Keys by name: two of tenants, and one of none. */
type Key = 'red' | 'blue' | 'none';
const KEYS: readonly Key[] = ['red', 'blue', 'none'];
const seed = randomBytes(16).toString('hex');
/** Two keys of one tenant. */
const BUSY = ['busy-1', 'busy-2'] as const;
const secretOf = (key: string) => `${key}-${seed}`;
const keyOf = (name: string, actions: readonly Action[] = ACTIONS_OF_TENANTS) => ({
  name,
  secrets: [{ hash: `sha256:${createHash('sha256').update(secretOf(name)).digest('hex')}` }],
  grants: [{ role: '*', actions, names: ['*'] }],
  ...(name !== 'none' && { tenant: name.split('-')[0] }),
});
const TENANTS = [{ name: 'red' }, { name: 'blue' }, { name: 'busy', quotas: { requestsPerSecond: 5 } }];
/** What no answer may have: a name as the nodes know it. */
const REALM = /~|%7e/i;

let redis: RedisServer;
const nodes = {} as Record<Role, NodeProcess>;

beforeAll(async () => {
  writeFileSync(
    file,
    JSON.stringify({ keys: [...KEYS, ...BUSY].map((key) => keyOf(key)), tenants: TENANTS }),
  );
  redis = await RedisServer.start();
  await Promise.all(
    ROLES.map(async (role) => {
      const env = { API_KEYS_FILE: file, API_KEYS: `ops:${seed}:admin` };
      nodes[role] = await NodeProcess.start(role, { redisUrl: redis.url, nodeId: `${role}_1`, env });
    }),
  );
});
afterAll(async () => {
  await Promise.all(Object.values(nodes).map((node) => node.stop()));
  await redis.stop();
  rmSync(folder, { recursive: true });
});

type Method = 'get' | 'post' | 'put' | 'delete' | 'patch';
const roleOf = (path: string): Role =>
  path.startsWith('/v1/caches') ? 'cache' : path.startsWith('/v1/queues') ? 'queue' : 'lock';
const ask = (key: Key, method: Method, path: string, body?: object) => {
  const asked = request(nodes[roleOf(path)].url)[method](path).set('X-Api-Key', secretOf(key));
  return body === undefined ? asked : asked.send(body);
};

/** Something of each kind, under the same names for each key; what it holds is named after the key. */
async function fill(key: Key): Promise<void> {
  const lease = () => ({ owner: `of-${key}`, leaseId: randomUUID(), ttlMs: 600_000 });
  await ask(key, 'post', '/v1/locks/shared/acquire', lease()).expect(200);
  await ask(key, 'post', '/v1/semaphores/shared/acquire', { ...lease(), limit: 2 }).expect(200);
  await ask(key, 'post', '/v1/sessions', { owner: `of-${key}`, ttlMs: 600_000 }).expect(201);
  for (const queue of ['shared', 'shared.dead']) {
    await ask(key, 'put', `/v1/queues/${queue}`, { maxReceives: 7 }).expect(200);
    const messages = [{ body: `of-${key}`, deduplicationId: 'd', groupId: 'g' }, { body: 2 }];
    const sent = await ask(key, 'post', `/v1/queues/${queue}/messages`, { messages }).expect(201);
    expect(sent.body.messages[0].deduplicated).toBe(false);
  }
  await ask(key, 'put', '/v1/caches/shared', { maxEntries: 77 }).expect(200);
  const entry = { key: 'x', value: `of-${key}`, tags: ['t'] };
  await ask(key, 'post', '/v1/caches/shared/mset', { entries: [entry] }).expect(200);
}

/** All that a key sees of its names. */
async function stateOf(key: Key): Promise<unknown> {
  const show = async (path: string) => {
    const { body, text } = await ask(key, 'get', path);
    return { body, text };
  };
  const shown: Record<string, { body: Record<string, unknown>; text: string }> = {};
  for (const path of [
    '/v1/locks',
    '/v1/locks/shared',
    '/v1/semaphores/shared',
    '/v1/sessions',
    '/v1/queues',
    '/v1/queues/shared/messages?state=ready',
    '/v1/queues/shared.dead/messages?state=ready',
    '/v1/caches',
    '/v1/caches/shared/entries',
    '/v1/caches/shared/entries/x',
  ]) {
    shown[path] = await show(path);
  }
  const text = JSON.stringify(shown).replaceAll(
    /\\?"(oldest\w+Ms|\w*[hH]its|misses|hitRatio|bytes|Age|leased)\\?":[\d.a-z]+/g,
    '',
  );
  for (const other of KEYS) if (other !== key) expect(text).not.toContain(`of-${other}`);
  expect(text).not.toMatch(REALM);
  return text;
}

interface Document {
  readonly paths: Readonly<
    Record<
      string,
      Readonly<
        Record<
          string,
          {
            readonly requestBody?: {
              readonly content: Readonly<Record<string, { schema?: { $ref?: string } }>>;
            };
          }
        >
      >
    >
  >;
  readonly components: { readonly schemas: Readonly<Record<string, { readonly example?: object }>> };
}

/** Every operation of a node on the names that others have too, with the example of its body; what destroys comes last. */
async function operationsOf(role: Role) {
  const { body } = await request(nodes[role].url).get('/api/doc-json').expect(200);
  const { paths, components }: Document = body;
  const ORDER = ['put', 'get', 'post', 'patch', 'delete'];
  return Object.entries(paths)
    .flatMap(([template, methods]) =>
      Object.entries(methods).flatMap(([method, { requestBody }]) => {
        if (!template.startsWith('/v1/')) return [];
        const schema = Object.values(requestBody?.content ?? {})[0]
          ?.schema?.$ref?.split('/')
          .at(-1);
        const example = schema === undefined ? undefined : components.schemas[schema]?.example;
        const text = JSON.stringify(example && { ...example, ...('waitMs' in example && { waitMs: 0 }) });
        return {
          method,
          path: template
            .replace(/\{(name|queue|cache)\}/, 'shared')
            .replace(/\{\w+\}/g, 'x')
            .replace('/owner', '/owner?key=shared'),
          // Names in bodies, too, are those that the others have.
          body: text?.replaceAll(/account-1|invoice-4[12]|"orders"/g, (name) =>
            name.startsWith('"') ? '"shared"' : 'shared',
          ),
        };
      }),
    )
    .sort((a, b) => ORDER.indexOf(a.method) - ORDER.indexOf(b.method));
}

/** Opens a call stream for as long as `use` takes. */
async function stream(role: Role, key: Key, use: (call: Call) => Promise<void>): Promise<void> {
  const socket = new WebSocket(`${nodes[role].url.replace('http', 'ws')}/v1/calls`, {
    headers: { 'X-Api-Key': secretOf(key) },
  });
  await once(socket, 'open');
  const waiting = new Map<number, (answer: StreamedAnswer) => void>();
  socket.on('message', (data) => {
    for (const answer of JSON.parse(String(data)) as StreamedAnswer[]) waiting.get(answer.id)?.(answer);
  });
  let id = 0;
  try {
    await use((path, body) => {
      id += 1;
      socket.send(JSON.stringify([{ id, path, body }]));
      return new Promise((resolve) => waiting.set(id, resolve));
    });
  } finally {
    socket.terminate();
  }
}
type Call = (path: string, body: unknown) => Promise<StreamedAnswer>;

describe('the names of a tenant', () => {
  it('are its own: the same ones are there for others, each with what is theirs', async () => {
    for (const key of KEYS) await fill(key);
    for (const key of KEYS) expect(await stateOf(key)).toContain(`of-${key}`);
  });

  it.each(ROLES)('%s: no operation shows or changes what others have under the same names', async (role) => {
    const others = async () => [await stateOf('blue'), await stateOf('none')];
    const before = await others();
    const operations = await operationsOf(role);
    expect(operations.length).toBeGreaterThan(15);
    const answers: string[] = [];
    for (const { method, path, body } of operations) {
      const abort = new AbortController();
      const answer = await fetch(`${nodes[role].url}${path}`, {
        method: method.toUpperCase(),
        headers: { 'X-Api-Key': secretOf('red'), 'Content-Type': 'application/json' },
        signal: abort.signal,
        ...(body !== undefined && { body }),
      });
      const streams = answer.headers.get('content-type')?.startsWith('text/event-stream');
      const text = streams ? '' : await answer.text();
      abort.abort();
      answers.push(`${method} ${path}: ${answer.status} ${JSON.stringify([...answer.headers])} ${text}`);
    }
    await stream(role, 'red', async (call) => {
      for (const { method, path, body } of operations) {
        if (method !== 'post') continue;
        const answer = await call(path, body === undefined ? {} : JSON.parse(body));
        answers.push(`${path}: ${JSON.stringify(answer)}`);
      }
    });
    expect(answers.filter((answer) => REALM.test(answer) || /of-(blue|none)|: 500 /.test(answer))).toEqual(
      [],
    );
    // They did something.
    expect(answers.filter((answer) => /: 20[01] |"status":20[01]/.test(answer)).length).toBeGreaterThan(8);
    expect(await others()).toEqual(before);
  });

  it('are up to 256 characters long, and so are those that are made of them', async () => {
    const name = 'n'.repeat(256);
    const { body } = await ask('red', 'put', `/v1/queues/${name}`, {}).expect(200);
    expect(body.name).toBe(name);
    expect(body.deadLetterQueue).toMatch(/^n{238}\.[0-9a-f]{12}\.dead$/);
    await ask('red', 'get', `/v1/queues/${body.deadLetterQueue}`).expect(404);
    await ask('red', 'put', `/v1/queues/${name}n`, {}).expect(400);
    await ask('red', 'put', `/v1/caches/${name}`, {}).expect(200);
    await ask('red', 'post', `/v1/locks/${name}/acquire`, { owner: 'o' }).expect(200);
    await ask('red', 'delete', `/v1/queues/${name}`).expect(204);
  });

  it('cannot be spelled by others, whatever they may do', async () => {
    for (const key of ['blue', 'none'] as const) {
      for (const path of ['/v1/locks/~red~shared', '/v1/queues/%7Ered~shared', '/v1/caches/~red~shared']) {
        const { status } = await ask(key, 'get', path);
        expect([400, 403]).toContain(status);
      }
      await ask(key, 'get', '/v1/queues?prefix=~red~').expect(400);
      await ask(key, 'get', '/v1/queues?cursor=~red~a').expect(400);
    }
  });

  it('are listed page by page, without those of others', async () => {
    for (const key of KEYS) await ask(key, 'put', `/v1/queues/of-${key}`, {}).expect(200);
    for (const key of KEYS) {
      const seen: string[] = [];
      let cursor = '';
      do {
        const { body, text } = await ask(key, 'get', `/v1/queues?limit=1&prefix=of-${cursor}`).expect(200);
        expect(text).not.toMatch(REALM);
        seen.push(...body.queues.map(({ name }: { name: string }) => name));
        cursor = body.cursor === null ? '' : `&cursor=${body.cursor}`;
      } while (cursor !== '');
      expect(seen).toEqual([`of-${key}`]);
    }
  });

  it('are told in refusals, batches and events as the tenant has them', async () => {
    const acquire = { owner: 'first', ttlMs: 600_000 };
    await ask('red', 'post', '/v1/locks/told/acquire', acquire).expect(200);
    const held = await ask('red', 'post', '/v1/locks/told/acquire', { owner: 'second' }).expect(409);
    expect(held.body.holders).toMatchObject([{ name: 'told', owner: 'first' }]);
    const operations = [
      { op: 'acquire', name: 'told', owner: 'second' },
      { op: 'acquire', name: 'other', owner: 'second' },
      { op: 'acquire', name: 'no name', owner: 'second' },
    ];
    const batch = await ask('red', 'post', '/v1/locks/batch', { operations }).expect(200);
    expect(batch.body.results).toMatchObject([
      { status: 409, body: { instance: '/v1/locks/told/acquire', holders: [{ name: 'told' }] } },
      { status: 200, body: { name: 'other' } },
      { status: 400 },
    ]);
    const missing = await ask('red', 'get', '/v1/queues/nowhere').expect(404);
    expect(missing.body.detail).toMatch(/^There is no queue nowhere\./);

    const abort = new AbortController();
    const events = await fetch(`${nodes.lock.url}/v1/locks/told/events`, {
      headers: { 'X-Api-Key': secretOf('red') },
      signal: abort.signal,
    });
    await ask('none', 'post', '/v1/locks/told/acquire', { owner: 'of-none' }).expect(200);
    await ask('red', 'delete', '/v1/locks/told').expect(200);
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of events.body ?? []) {
      text += decoder.decode(chunk);
      if (text.includes('event: revoked')) break;
    }
    abort.abort();
    expect(text).toContain('"name":"told"');
    expect(text).not.toMatch(/of-none|~/);
  });

  it('have owners of their own: those who call themselves alike do not wait for each other', async () => {
    const acquire = (key: Key, name: string, owner: string, waitMs = 0) =>
      ask(key, 'post', `/v1/locks/${name}/acquire`, { owner, waitMs, ttlMs: 600_000 });
    await acquire('red', 'x', 'one').expect(200);
    await acquire('blue', 'y', 'two').expect(200);
    // In one realm this were a circle.
    const red = acquire('red', 'x', 'two', 600_000).then((answer) => answer);
    const blue = acquire('blue', 'y', 'one', 600_000).then((answer) => answer);
    for (const [key, name] of [
      ['red', 'x'],
      ['blue', 'y'],
    ] as const) {
      await eventually(async () => {
        const { body } = await ask(key, 'get', '/v1/locks/waits').expect(200);
        expect(body.waits).toMatchObject([{ waitsFor: name }]);
      });
    }
    expect((await ask('none', 'get', '/v1/locks/waits').expect(200)).body.waits).toEqual([]);
    // One that is younger finds the circle that there is, if there is one.
    const probe = acquire('red', 'x', 'two', 1_500);
    expect((await probe).body.code).toBe('wait-timeout');
    for (const key of ['red', 'blue'] as const) {
      expect((await ask(key, 'get', '/v1/deadlocks').expect(200)).body.deadlocks).toEqual([]);
    }
    await ask('red', 'delete', '/v1/locks/x').expect(200);
    await ask('blue', 'delete', '/v1/locks/y').expect(200);
    expect([(await red).status, (await blue).status]).toEqual([200, 200]);
  });

  it('are not held by sessions of others', async () => {
    const { body: session } = await ask('red', 'post', '/v1/sessions', { owner: 'o' }).expect(201);
    const { sessionId } = session;
    const inSession = (key: Key) => ask(key, 'post', '/v1/locks/kept/acquire', { owner: 'o', sessionId });
    for (const key of ['blue', 'none'] as const) {
      await ask(key, 'get', `/v1/sessions/${sessionId}`).expect(404);
      await ask(key, 'get', `/v1/sessions/~red~${sessionId}`).expect(400);
      await ask(key, 'delete', `/v1/sessions/${sessionId}`).expect(404);
      await inSession(key).expect(410);
    }
    await inSession('red').expect(200);
    const shown = await ask('red', 'get', `/v1/sessions/${sessionId}`).expect(200);
    expect(shown.body).toMatchObject({ sessionId, leases: [{ name: 'kept' }] });
    const kept = await ask('red', 'post', `/v1/sessions/${sessionId}/keepalive`).expect(200);
    expect(kept.body).toMatchObject({ sessionId, leases: 1 });
    await ask('red', 'delete', `/v1/sessions/${sessionId}`).expect(204);
  });

  it('have acks that send to queues of theirs', async () => {
    await ask('blue', 'post', '/v1/queues/steps/messages', { messages: [{ body: 1 }] }).expect(201);
    const { body } = await ask('blue', 'post', '/v1/queues/steps/receive', {}).expect(200);
    const [{ receipt }] = body.messages;
    const send = [{ queue: 'next-step', body: 2 }];
    await ask('blue', 'post', '/v1/queues/steps/ack', { receipts: [receipt], send }).expect(200);
    const next = await ask('blue', 'post', '/v1/queues/next-step/receive', {}).expect(200);
    expect(next.body.messages).toMatchObject([{ body: 2 }]);
    for (const key of ['red', 'none'] as const) {
      await ask(key, 'get', '/v1/queues/next-step').expect(404);
    }
  });

  it('have dead letters that come back to them', async () => {
    await ask('blue', 'put', '/v1/queues/work', { maxReceives: 1 }).expect(200);
    await ask('blue', 'post', '/v1/queues/work/messages', { messages: [{ body: 'bad' }] }).expect(201);
    const { body } = await ask('blue', 'post', '/v1/queues/work/receive', {}).expect(200);
    const receipts = [body.messages[0].receipt];
    await ask('blue', 'post', '/v1/queues/work/nack', { receipts }).expect(200);
    await eventually(async () => {
      const dead = await ask('blue', 'post', '/v1/queues/work.dead/receive', { visibilityTimeoutMs: 0 });
      expect(dead.body.messages).toMatchObject([{ body: 'bad', deadLetter: { queue: 'work' } }]);
    });
    await ask('red', 'get', '/v1/queues/work.dead').expect(404);
    await eventually(() => ask('blue', 'post', '/v1/queues/work.dead/redrive', {}).expect(200, { moved: 1 }));
    await eventually(async () => {
      const { body } = await ask('blue', 'get', '/v1/queues/work').expect(200);
      expect(body.stats.ready).toBe(1);
    });
  });
});

it('a tenant may have quotas for all its keys together', async () => {
  const look = (key: string) => request(nodes.lock.url).get('/v1/locks/a').set('X-Api-Key', secretOf(key));
  const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => look(BUSY[i % 2] as string)));
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused.length).toBeGreaterThan(10);
  expect(refused[0]?.headers['retry-after']).toBe('1');
  expect(refused[0]?.body.detail).toBe(
    'The tenant busy may have 5 requests a second at a node. Try again later.',
  );
  await ask('red', 'get', '/v1/locks/a').expect(200);
});

it('a tenant is told by the trail and the metrics', async () => {
  await ask('red', 'put', '/v1/queues/traced', {}).expect(200);
  await eventually(async () => {
    const { body } = await request(nodes.queue.url).get('/v1/audit').set('X-Api-Key', seed).expect(200);
    expect(body.entries).toContainEqual(
      expect.objectContaining({ key: 'red', tenant: 'red', name: 'traced', action: 'configure' }),
    );
  });
  const { text } = await request(nodes.queue.url).get('/metrics').expect(200);
  expect(text).toMatch(/api_key_requests_total\{key="red",tenant="red"\} \d/);
});
