import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ACTIONS, type Action, type Grant, ROLES, type Role, type StreamedAnswer } from '@syncline/contracts';
import { eventually, NodeProcess, RedisServer, startInVain } from '@syncline/testing';
import request from 'supertest';
import { WebSocket } from 'ws';
import { NEEDED, SPELLINGS } from './access.rules.js';

interface Operation {
  readonly operationId: string;
  readonly requestBody?: { readonly content: Readonly<Record<string, { schema?: { $ref?: string } }>> };
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, { readonly example?: object }>> };
}

const folder = mkdtempSync(join(tmpdir(), 'syncline-keys-'));
const file = join(folder, 'keys.json');
const EVERY_ACTION = [...new Set(Object.values(ACTIONS).flat())] as Action[];
const everywhere = (actions: readonly Action[], ...names: string[]): Grant[] => [
  { role: '*', actions: [...actions], names },
];

/** The grants of each key, by name; its secret is made of the name. */
const grants: Record<string, Grant[]> = {
  everything: everywhere(EVERY_ACTION, '*'),
  nothing: [],
  ...Object.fromEntries(EVERY_ACTION.map((action) => [action, everywhere([action], 'mine:*')])),
  mine: everywhere(EVERY_ACTION, 'mine:*', 'mine'),
  two: everywhere(EVERY_ACTION, 'a:*', 'c', 'd:*'),
};
const seed = randomBytes(16).toString('hex');
const secretOf = (key: string) => `${key}-${seed}`;
const hashOf = (secret: string) => `sha256:${createHash('sha256').update(secret).digest('hex')}`;
const keyOf = (name: string, expiresAt?: string) => ({
  name,
  secrets: [{ hash: hashOf(secretOf(name)), expiresAt }],
  grants: grants[name],
});
/** Replaces the file in one step, as editors and Kubernetes do. */
function writeKeys(content: unknown): void {
  writeFileSync(`${file}.new`, typeof content === 'string' ? content : JSON.stringify(content));
  renameSync(`${file}.new`, file);
}
const allKeys = () => ({ keys: Object.keys(grants).map((name) => keyOf(name)) });

let redis: RedisServer;
const nodes = {} as Record<Role, NodeProcess>;
const documents = {} as Record<Role, Document>;

beforeAll(async () => {
  writeKeys(allKeys());
  redis = await RedisServer.start();
  await Promise.all(
    ROLES.map(async (role) => {
      const env = { API_KEYS_FILE: file, API_KEYS: 'old:0123456789abcdef:read' };
      nodes[role] = await NodeProcess.start(role, { redisUrl: redis.url, nodeId: `${role}_1`, env });
      documents[role] = (await request(nodes[role].url).get('/api/doc-json').expect(200)).body;
    }),
  );
});
afterAll(async () => {
  await Promise.all(Object.values(nodes).map((node) => node.stop()));
  await redis.stop();
  rmSync(folder, { recursive: true });
});

type Method = 'get' | 'post' | 'put' | 'delete';
const ask = (role: Role, key: string, method: Method, path: string, body?: object) => {
  const asked = request(nodes[role].url)[method](path).set('X-Api-Key', secretOf(key));
  return body === undefined ? asked : asked.send(body);
};

interface Asked {
  readonly role: Role;
  readonly key: string;
  readonly method: string;
  readonly path: string;
  readonly body: object | undefined;
  /** False: 403. */
  readonly allowed: boolean;
  /** A path that names nothing may be refused for that. */
  readonly isNamed: boolean;
}

const MATRIX_KEYS = Object.keys(grants).filter((key) => key !== 'two');

/** Every operation with every key, and every spelling of its name. */
function matrixOf(role: Role): Asked[] {
  const { paths, components } = documents[role];
  const isPossible = (action: Action) => (ACTIONS[role] as readonly Action[]).includes(action);
  return Object.entries(paths).flatMap(([template, methods]) =>
    Object.entries(methods).flatMap(([method, { operationId, requestBody }]) => {
      if (!template.startsWith('/v1/')) return [];
      const needed = NEEDED[operationId];
      if (needed === undefined) throw new Error(`Say in access.rules.ts what ${operationId} needs.`);
      const schema = Object.values(requestBody?.content ?? {})[0]
        ?.schema?.$ref?.split('/')
        .at(-1);
      const example = schema === undefined ? undefined : components.schemas[schema]?.example;
      // Sets, batches and redrives are allowed whatever the path says: they are judged below.
      // What an ack sends needs rights of its own, on other queues.
      const { send: _sent, ...own } = { send: undefined, ...example };
      const body = example && { ...own, ...('waitMs' in example && { waitMs: 0 }) };
      const spellings = needed.name ? SPELLINGS : SPELLINGS.slice(0, 1);
      return spellings.flatMap(([inPath, isMine]) =>
        // Two names with every key, odd spellings with those that come near.
        (/^(mine|theirs):x$/.test(inPath)
          ? MATRIX_KEYS
          : [needed.actions[0] ?? 'nothing', 'mine', 'everything']
        ).map((key): Asked => {
          const has = (action: Action) =>
            isPossible(action) && (grants[key]?.[0]?.actions.includes(action) ?? false);
          const covers = key === 'everything' || (isMine ?? false) || (key === 'mine' && inPath === 'mine');
          return {
            role,
            key,
            method: method.toUpperCase(),
            path: template.replace(/\{(name|queue|cache)\}/, inPath).replace(/\{\w+\}/g, 'x'),
            body,
            allowed: needed.actions.every(has) && (covers || !needed.name),
            isNamed: isMine !== null,
          };
        }),
      );
    }),
  );
}

/** Names in bodies, or all names: judged below. */
const OTHER_NAMES =
  /\/v1\/locks\/(acquire|renew|release)$|\/redrive$|GET \/v1\/sessions$|PUT \/v1\/schedules\//;
/** What it sends to is known once it is found. */
const RUNS = /\/v1\/schedules\/.*\/run$/;

function verdictOn({ key, method, path, allowed, isNamed }: Asked, status: number): boolean {
  if (!allowed) return status === 403 || (!isNamed && status >= 400 && status < 500);
  if (RUNS.test(path)) return ![401, 500].includes(status);
  if (OTHER_NAMES.test(`${method} ${path}`) && key !== 'everything') return status === 403;
  return ![401, 403, 500].includes(status);
}
const describeAsked = ({ key, method, path }: Asked, status: number) =>
  `${key}: ${method} ${path}: ${status}`;

async function inParallel<Item>(items: Item[], run: (item: Item) => Promise<void>): Promise<void> {
  const left = [...items];
  const next = async () => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await run(item);
  };
  await Promise.all(Array.from({ length: 32 }, next));
}

/** What is there of somebody else, whole. */
async function stateOfTheirs(): Promise<unknown> {
  const show = async (role: Role, path: string) => (await ask(role, 'everything', 'get', path)).body;
  const { holders, currentToken } = await show('lock', '/v1/locks/theirs:x');
  const semaphore = await show('lock', '/v1/semaphores/theirs:x');
  const { stats, name: _name, ...configuration } = await show('queue', '/v1/queues/theirs:x');
  const { ready, inFlight, dead, sent, acked } = stats;
  const { text, headers } = await ask('cache', 'everything', 'get', '/v1/caches/theirs:x/entries/x');
  const { maxEntries } = await show('cache', '/v1/caches/theirs:x');
  const counts = { ready, inFlight, dead, sent, acked };
  return { holders, currentToken, semaphore, configuration, counts, text, etag: headers.etag, maxEntries };
}

describe('the rights of keys, on every route', () => {
  let before: unknown;
  beforeAll(async () => {
    const make = (role: Role, method: Method, path: string, body: object) =>
      ask(role, 'everything', method, path, body);
    await make('lock', 'post', '/v1/locks/theirs:x/acquire', { owner: 'o', ttlMs: 600_000 }).expect(200);
    const permit = { owner: 'o', limit: 3, ttlMs: 600_000 };
    await make('lock', 'post', '/v1/semaphores/theirs:x/acquire', permit).expect(200);
    await make('queue', 'put', '/v1/queues/theirs:x', { maxReceives: 2 }).expect(200);
    await make('queue', 'post', '/v1/queues/theirs:x/messages', { messages: [{ body: 1 }] }).expect(201);
    await make('cache', 'put', '/v1/caches/theirs:x', { maxEntries: 77 }).expect(200);
    await make('cache', 'put', '/v1/caches/theirs:x/entries/x', { a: 1 }).expect(201);
    before = await stateOfTheirs();
  });

  it.each(ROLES)('%s: are enough exactly where a grant says so, in any spelling', async (role) => {
    const wrong: string[] = [];
    // `everything` would change what belongs to others.
    const asked = matrixOf(role)
      .filter(({ key, path }) => key !== 'everything' || !/theirs/.test(path))
      // For a client this is the path of the events of all locks.
      .filter(({ path }) => path !== '/v1/locks/%2e%2e/events');
    expect(asked.length).toBeGreaterThan(500);
    await inParallel(asked, async (each) => {
      const abort = new AbortController();
      const answer = await fetch(`${nodes[role].url}${each.path}`, {
        method: each.method,
        headers: { 'X-Api-Key': secretOf(each.key), 'Content-Type': 'application/json' },
        signal: abort.signal,
        ...(each.body !== undefined && { body: JSON.stringify(each.body) }),
      });
      const streams = answer.headers.get('content-type')?.startsWith('text/event-stream');
      if (!streams) await answer.text();
      abort.abort();
      if (!verdictOn(each, answer.status)) wrong.push(describeAsked(each, answer.status));
    });
    expect(wrong).toEqual([]);
  });

  it.each(ROLES)('%s: are the same over call streams', async (role) => {
    const wrong: string[] = [];
    const posts = matrixOf(role).filter(
      ({ key, method, path }) => method === 'POST' && (key !== 'everything' || !/theirs/.test(path)),
    );
    for (const key of Object.keys(grants)) {
      const ofKey = posts.filter((each) => each.key === key);
      await stream(role, key, (calls) =>
        inParallel(ofKey, async (each) => {
          const { status } = await calls.call(each.path, each.body);
          // Not every POST can be called.
          if (status !== 404 && !verdictOn(each, status)) wrong.push(describeAsked(each, status));
        }),
      );
    }
    expect(wrong).toEqual([]);
  });

  it('changed nothing that belongs to others', async () => {
    expect(await stateOfTheirs()).toEqual(before);
  });
});

/** Opens a call stream for as long as `use` takes. */
async function stream<T>(role: Role, key: string, use: (calls: Calls) => Promise<T>): Promise<T> {
  const socket = new WebSocket(`${nodes[role].url.replace('http', 'ws')}/v1/calls`, {
    headers: { 'X-Api-Key': secretOf(key) },
  });
  await once(socket, 'open');
  try {
    return await use(new Calls(socket));
  } finally {
    socket.terminate();
  }
}

class Calls {
  private readonly waiting = new Map<number, (answer: StreamedAnswer) => void>();
  private lastId = 0;

  constructor(private readonly socket: WebSocket) {
    socket.on('message', (data) => {
      for (const answer of JSON.parse(String(data)) as StreamedAnswer[])
        this.waiting.get(answer.id)?.(answer);
    });
  }

  call(path: string, body: object = {}): Promise<StreamedAnswer> {
    const id = this.lastId++;
    this.socket.send(JSON.stringify([{ id, path, body }]));
    return new Promise((resolve) => this.waiting.set(id, resolve));
  }
}

const lease = () => ({ leaseId: randomUUID(), owner: 'o' });

describe('names in bodies', () => {
  it('of a set of locks: all of them are judged', async () => {
    const acquire = (...names: string[]) =>
      ask('lock', 'mine', 'post', '/v1/locks/acquire', {
        ...lease(),
        locks: names.map((name) => ({ name })),
      });
    const { body } = await acquire('mine:{s}1', 'mine:{s}2').expect(200);
    const refused = await acquire('mine:{s}3', 'theirs:{s}4').expect(403);
    expect(refused.body).toMatchObject({ code: 'forbidden', detail: expect.stringContaining('theirs:{s}4') });
    for (const call of ['renew', 'release']) {
      const again = (names: string[]) =>
        ask('lock', 'mine', 'post', `/v1/locks/${call}`, { leaseId: body.leaseId, names });
      await again(['mine:{s}1', 'theirs:x']).expect(403);
      await again(['mine:{s}1', 'mine:{s}2']).expect(200);
    }
    await ask('lock', 'everything', 'get', '/v1/locks/mine:%7Bs%7D3')
      .expect(200)
      .expect(({ body }) => {
        expect(body.mode).toBe('free');
      });
  });

  it('of a batch: each is judged by itself, the others go on', async () => {
    const operations = ['mine:b1', 'theirs:x', 'mine:b2'].map((name) => ({
      op: 'acquire',
      name,
      ...lease(),
    }));
    const answer = await ask('lock', 'lock', 'post', '/v1/locks/batch', { operations }).expect(200);
    const { results } = answer.body;
    expect(results.map(({ status }: { status: number }) => status)).toEqual([200, 403, 200]);
    expect(results[1].body).toMatchObject({ code: 'forbidden', instance: '/v1/locks/theirs%3Ax/acquire' });
  });

  it('of the dead-letter queue of a queue, and of the target of a redrive', async () => {
    const put = (deadLetterQueue?: string) =>
      ask('queue', 'mine', 'put', '/v1/queues/mine:q', { deadLetterQueue });
    await put('theirs:x').expect(403);
    await put('mine:lost').expect(200);
    // The default one belongs to the queue.
    await ask('queue', 'configure', 'put', '/v1/queues/mine:q', {}).expect(200);
    await ask('queue', 'configure', 'put', '/v1/queues/mine:q', { deadLetterQueue: 'mine:x' }).expect(403);
    await put('mine:lost').expect(200);
    const redrive = (key: string, to?: string) =>
      ask('queue', key, 'post', '/v1/queues/mine:q/redrive', { to });
    await redrive('mine', 'theirs:x').expect(403);
    await redrive('mine', 'mine:y').expect(200);
    const unknown = await redrive('mine').expect(403);
    expect(unknown.body.detail).toContain('`to`');
    await redrive('everything').expect(200);
  });

  it('of the queue that a schedule sends to', async () => {
    const given = (queue: string) => ({ queue, everyMs: 3_600_000, message: { body: 1 } });
    const put = (key: string, queue: string) =>
      ask('queue', key, 'put', '/v1/schedules/mine:s', given(queue));
    await put('mine', 'theirs:x').expect(403);
    await put('configure', 'mine:q').expect(403);
    await put('mine', 'mine:q').expect(200);
    const run = (key: string) => ask('queue', key, 'post', '/v1/schedules/mine:s/run');
    await run('configure').expect(403);
    await run('mine').expect(200);
    await put('everything', 'theirs:x').expect(200);
    const refused = await run('mine').expect(403);
    expect(refused.body.detail).toContain('produce');
    await ask('queue', 'configure', 'delete', '/v1/schedules/mine:s').expect(204);
  });
});

describe('what is shown to a key', () => {
  const NAMES = ['a', 'a:1', 'a:2', 'a:3', 'b:1', 'b:2', 'c', 'c:1', 'd', 'd:1', 'd:2'];
  const VISIBLE = ['a:1', 'a:2', 'a:3', 'c', 'd:1', 'd:2'];

  it.each([
    ['lock', 'locks', {}],
    ['queue', 'queues', {}],
    ['queue', 'schedules', { queue: 'a:1', everyMs: 3_600_000, message: { body: 1 } }],
    ['cache', 'caches', {}],
  ] as const)(
    '%s: lists of %s have the names that it may read, on pages that end',
    async (role, root, given) => {
      for (const name of NAMES) {
        if (role === 'lock') await ask(role, 'everything', 'post', `/v1/locks/${name}/acquire`, lease());
        else await ask(role, 'everything', 'put', `/v1/${root}/${name}`, given).expect(200);
      }
      for (const limit of [1, 2, 3, 100]) {
        const seen: string[] = [];
        let cursor = '';
        do {
          const { body } = await ask(role, 'two', 'get', `/v1/${root}?limit=${limit}${cursor}`).expect(200);
          seen.push(...body[root].map(({ name }: { name: string }) => name));
          expect(NAMES.filter((name) => !VISIBLE.includes(name))).not.toContain(body.cursor);
          cursor = body.cursor === null ? '' : `&cursor=${body.cursor}`;
        } while (cursor !== '');
        expect(seen).toEqual(VISIBLE);
      }
      const { body } = await ask(role, 'two', 'get', `/v1/${root}?prefix=b`).expect(200);
      expect(body).toEqual({ [root]: [], cursor: null });
      await ask(role, 'nothing', 'get', `/v1/${root}`).expect(403);
    },
  );

  it('has no leases of names that it may not read in a session', async () => {
    const { body: session } = await ask('lock', 'everything', 'post', '/v1/sessions', { owner: 'o' });
    for (const name of ['mine:s', 'other:s']) {
      const body = { ...lease(), sessionId: session.sessionId };
      await ask('lock', 'everything', 'post', `/v1/locks/${name}/acquire`, body).expect(200);
    }
    const shown = await ask('lock', 'mine', 'get', `/v1/sessions/${session.sessionId}`).expect(200);
    expect(shown.body.leases.map(({ name }: { name: string }) => name)).toEqual(['mine:s']);
    await ask('lock', 'everything', 'delete', '/v1/locks/mine:s').expect(200);
    await ask('lock', 'everything', 'delete', '/v1/locks/other:s').expect(200);
    const kept = await ask('lock', 'mine', 'post', `/v1/sessions/${session.sessionId}/keepalive`);
    expect(kept.body.lost.map(({ name }: { name: string }) => name)).toEqual(['mine:s']);
    const list = await ask('lock', 'everything', 'get', '/v1/sessions').expect(200);
    expect(JSON.stringify(list.body)).toContain(session.sessionId);
  });

  it('has no steps of a deadlock over names that it does not know', async () => {
    const acquire = (key: string, name: string, owner: string, waitMs: number) =>
      ask('lock', key, 'post', `/v1/locks/${name}/acquire`, { owner, waitMs });
    await acquire('mine', 'mine:d', 'first', 0).expect(200);
    await acquire('everything', 'other:d', 'second', 0).expect(200);
    const older = acquire('everything', 'other:d', 'first', 8_000).then((answer) => answer);
    await eventually(async () => {
      const { body } = await ask('lock', 'everything', 'get', '/v1/locks/other:d');
      expect(body.waiters).toHaveLength(1);
    });
    const waits = async (key: string) =>
      (await ask('lock', key, 'get', '/v1/locks/waits').expect(200)).body.waits;
    expect(await waits('everything')).toMatchObject([{ owner: 'first', waitsFor: 'other:d' }]);
    expect(await waits('mine')).toEqual([]);
    const victim = await acquire('mine', 'mine:d', 'second', 8_000).expect(409);
    expect(victim.body).toMatchObject({
      code: 'deadlock',
      cycle: [{ owner: 'second', waitsFor: 'mine:d', heldBy: 'first' }],
    });
    expect(JSON.stringify(victim.body)).not.toContain('other:d');
    const deadlocks = (key: string) => ask('lock', key, 'get', '/v1/deadlocks').expect(200);
    expect((await deadlocks('everything')).body.deadlocks).toMatchObject([{ victim: 'second' }]);
    expect((await deadlocks('mine')).body.deadlocks).toEqual([]);
    await ask('lock', 'everything', 'delete', '/v1/locks/other:d').expect(200);
    expect((await older).status).toBe(200);
  });
});

describe('the quotas of a key', () => {
  const limited = { ...keyOf('everything'), name: 'limited' };
  const secret = 'limited-0123456789abcdef';
  const asLimited = (path: string) => request(nodes.lock.url).get(path).set('X-Api-Key', secret);
  const readsOf = (node: NodeProcess) => node.output.match(/Read \d+ API keys/g)?.length ?? 0;
  const use = async (quotas: object) => {
    const secrets = [{ hash: hashOf(secret) }];
    const reads = readsOf(nodes.lock);
    writeKeys({ keys: [...allKeys().keys, { ...limited, secrets, quotas }] });
    await eventually(async () => expect(readsOf(nodes.lock)).toBeGreaterThan(reads));
    await eventually(() => asLimited('/v1/cluster').expect(200));
  };

  it('bound its call streams and the requests that wait, and no others', async () => {
    await use({ callStreams: 1, waitingRequests: 1 });
    const open = () =>
      new WebSocket(`${nodes.lock.url.replace('http', 'ws')}/v1/calls`, { headers: { 'X-Api-Key': secret } });
    const first = open();
    await once(first, 'open');
    const second = open();
    second.on('error', () => undefined);
    const [, refused] = await once(second, 'unexpected-response');
    expect([refused.statusCode, refused.headers['retry-after']]).toEqual([429, '1']);
    second.terminate();

    await ask('lock', 'everything', 'post', '/v1/locks/held/acquire', lease()).expect(200);
    const calls = new Calls(first);
    const wait = () => calls.call('/v1/locks/held/acquire', { ...lease(), waitMs: 30_000 });
    void wait();
    expect(await wait()).toMatchObject({ status: 429, retryAfter: 1, body: { code: 'rate-limited' } });
    expect((await calls.call('/v1/locks/held/acquire', lease())).status).toBe(409);
    first.terminate();
    // Their places are free again.
    await eventually(async () => {
      const third = open();
      third.on('error', () => undefined);
      const [outcome] = await Promise.race([
        once(third, 'open').then(() => ['open']),
        once(third, 'unexpected-response').then(() => ['refused']),
      ]);
      third.terminate();
      expect(outcome).toBe('open');
    });
  });

  it('bound its requests a second, over HTTP and call streams; metrics tell them by key', async () => {
    await use({ requestsPerSecond: 5 });
    const answers = await Promise.all(Array.from({ length: 40 }, () => asLimited('/v1/locks/a')));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(10);
    expect(refused[0]?.headers['retry-after']).toBe('1');
    expect(refused[0]?.body).toMatchObject({
      code: 'rate-limited',
      detail: expect.stringContaining('5 requests'),
    });
    await ask('lock', 'everything', 'get', '/v1/locks/a').expect(200);
    await eventually(() => asLimited('/v1/locks/a').expect(200));
    const { text } = await request(nodes.lock.url).get('/metrics').expect(200);
    expect(text).toMatch(/api_key_requests_total\{key="limited",tenant=""\} [4-9]\d/);
  });
});

describe('the file of keys', () => {
  const works = (key: string) => ask('lock', key, 'get', '/v1/locks/mine:f');

  it('is read again when it changes: calls of open streams and events lose their rights', async () => {
    const abort = new AbortController();
    const events = await fetch(`${nodes.lock.url}/v1/locks/mine:f/events`, {
      headers: { 'X-Api-Key': secretOf('read') },
      signal: abort.signal,
    });
    await stream('lock', 'read', async (calls) => {
      const verify = () => calls.call('/v1/locks/mine:f/verify', { fencingToken: '1' });
      expect((await verify()).status).toBe(200);
      writeKeys({ keys: allKeys().keys.filter(({ name }) => name !== 'read') });
      await eventually(async () => {
        expect((await verify()).status).toBe(401);
      });
    });
    await works('read').expect(401);
    await works('mine').expect(200);
    // Ends by itself.
    await events.text();
    abort.abort();
  });

  it('that is wrong is refused with one line, without what is in it; the old one stays', async () => {
    const linesOf = () => nodes.lock.output.split('\n').filter((line) => line.includes('keys stay'));
    const wrong = [
      '{"keys": [{"name": "spilled-secret-1"',
      { keys: [{ ...keyOf('mine'), secrets: [{ hash: 'spilled-secret-2' }] }] },
    ];
    for (const [i, content] of wrong.entries()) {
      writeKeys(content);
      await eventually(async () => expect(linesOf()).toHaveLength(i + 1));
      await works('mine').expect(200);
    }
    expect(nodes.lock.output).not.toMatch(/spilled-secret|sha256:[0-9a-f]/);
    writeKeys(allKeys());
    await eventually(() => works('read').expect(200));
  });

  it('has secrets that expire, several for a key, and keys beside API_KEYS', async () => {
    const soon = new Date(Date.now() + 3_000).toISOString();
    const rotated = { ...keyOf('mine', soon) };
    rotated.secrets.push({ hash: hashOf(secretOf('new')), expiresAt: undefined });
    writeKeys({ keys: [...allKeys().keys.filter(({ name }) => name !== 'mine'), rotated] });
    await eventually(() => works('new').expect(200));
    await eventually(() => works('mine').expect(401));
    await works('new').expect(200);
    await request(nodes.lock.url).get('/v1/cluster').set('X-Api-Key', '0123456789abcdef').expect(200);
  });

  it('that is wrong keeps a node from starting', async () => {
    const broken = join(folder, 'broken.json');
    writeFileSync(broken, '{"keys": [{"name": "a", "secrets": [{"hash": "spilled-secret"}], "grants": []}]}');
    for (const path of [broken, join(folder, 'nowhere.json')]) {
      const { code, output } = await startInVain('lock', { REDIS_URL: redis.url, API_KEYS_FILE: path });
      expect(code).toBe(1);
      expect(output).toContain(`API_KEYS_FILE: ${path}: `);
      expect(output).not.toContain('spilled');
    }
  });
});
