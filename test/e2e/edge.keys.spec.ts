import { once } from 'node:events';
import { ROLES, type Role } from '@syncline/contracts';
import { NodeProcess, RedisServer, stopAll } from '@syncline/testing';
import request from 'supertest';
import { WebSocket } from 'ws';
import { sendRaw } from './raw-http.js';

const KEYS = [
  'ops:ops-secret-0123456789:admin',
  'app:app-secret-0123456789:write',
  'eye:eye-secret-0123456789:read',
].join(',');
const bearer = (name: string) => `Bearer ${name}-secret-0123456789`;

/** Routes without a key: health, metrics and documentation. */
const OPEN = ['/health/live', '/health/ready', '/metrics'];

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'QUERY', 'get', 'Post'];

/** Other spellings of a path, which some routers accept. */
const spellingsOf = (path: string): string[] => {
  const [, first = '', ...rest] = path.split('/');
  const at = (place: number, segment: string) => {
    const segments = path.split('/');
    segments.splice(place, 0, segment);
    return segments.join('/');
  };
  const encoded = [...path].map((c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`).join('');
  return [
    path,
    path.toUpperCase(),
    path.replace(first, first.toUpperCase()),
    path.replace(/[a-z](?=[^/]*$)/, (c) => c.toUpperCase()),
    `${path}/`,
    `${path}//`,
    `/${path}`,
    `//host.example${path}`,
    path.replaceAll('/', '//'),
    path.replaceAll('/', '\\'),
    at(1, '.'),
    at(2, '.'),
    at(2, 'x/..'),
    at(1, 'health/..'),
    at(1, 'api/doc/..'),
    at(1, 'health/%2e%2e'),
    at(1, '%2e'),
    `${path};x`,
    `${path};x=/health/live`,
    `/${first};x/${rest.join('/')}`,
    `${path}?`,
    `${path}?x=/health/live`,
    `${path}#/health/live`,
    `${path}%00`,
    `${path}%20`,
    `${path}.json`,
    `/%${first.charCodeAt(0).toString(16)}${path.slice(2)}`,
    `/${encoded.slice(3)}`,
    path.replaceAll('/', '%2f').replace('%2f', '/'),
    path.replaceAll('/', '%2F').replace('%2F', '/'),
    `http://host.example${path}`,
    `http://host.example${path.toUpperCase()}`,
    `HTTP://user@host.example:1${path}`,
    `http:${path}`,
    `*`,
  ];
};

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

let redis: RedisServer;
const nodes = {} as Record<Role, NodeProcess>;
beforeAll(async () => {
  redis = await RedisServer.start();
  const options = { redisUrl: redis.url, env: { API_KEYS: KEYS } };
  await Promise.all(
    ROLES.map(async (role) => {
      nodes[role] = await NodeProcess.start(role, { ...options, nodeId: `${role}_1` });
    }),
  );
});
afterAll(async () => {
  await stopAll(Object.values(nodes));
  await redis.stop();
});

describe.each(ROLES)('%s nodes with API keys', (role: Role) => {
  let node: NodeProcess;
  let routes: { method: string; path: string }[];

  beforeAll(async () => {
    node = nodes[role];
    const document: Document = (await request(node.url).get('/api/doc-json').expect(200)).body;
    routes = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => ({
        method: method.toUpperCase(),
        path: path.replace(/\{\w+\}/g, 'x'),
      })),
    );
  });
  const ask = (method: string, target: string, ...headers: string[]) =>
    sendRaw(node.url, [`${method} ${target} HTTP/1.1`, 'Host: localhost', ...headers]);

  it('require a key on every route except health, metrics and documentation', async () => {
    const without = await Promise.all(
      routes.map(async ({ method, path }) => ({ path, status: (await ask(method, path))?.status })),
    );
    const open = without.filter(({ status }) => status !== 401);
    expect(open.map(({ path }) => path).sort()).toEqual(OPEN);
    await request(node.url).get('/api/doc').expect(200).expect('Content-Type', /html/);
  });

  it('require a key for every spelling of a route and every method', async () => {
    const asked = routes
      .filter(({ path }) => !OPEN.includes(path))
      .flatMap(({ method, path }) => [
        ...spellingsOf(path).map((target) => ({ method, target })),
        ...METHODS.map((other) => ({ method: other, target: path })),
      ]);
    const answered: string[] = [];
    const askNext = async () => {
      for (let next = asked.pop(); next !== undefined; next = asked.pop()) {
        const { method, target } = next;
        const answer = await ask(method, target);
        // Null: the parser may also close the connection, for example after a lower-case method.
        if (answer !== null && ![400, 401, 404, 405].includes(answer.status)) {
          answered.push(`${method} ${target}: ${answer.status}`);
        }
      }
    };
    await Promise.all(Array.from({ length: 16 }, askNext));
    expect(answered).toEqual([]);
  }, 120_000);

  it('ignore method overrides in headers and queries', async () => {
    for (const { method, path } of routes.filter(({ path }) => !OPEN.includes(path))) {
      for (const header of ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override']) {
        expect((await ask('POST', `${path}?_method=${method}`, `${header}: ${method}`))?.status).not.toBe(
          200,
        );
      }
    }
  });

  it('allow only reading with a read key', async () => {
    const reading = routes.filter(({ method, path }) => method === 'GET' && path !== '/v1/calls');
    for (const { path } of reading) {
      const abort = new AbortController();
      const answer = await fetch(`${node.url}${path}`, {
        headers: { Authorization: bearer('eye') },
        signal: abort.signal,
      });
      // What others were refused is for operators alone.
      const refused = path === '/v1/audit';
      expect([path, [401, 403].includes(answer.status)]).toEqual([path, refused]);
      abort.abort();
      if (refused) continue;
      const head = await request(node.url).head(path).set('Authorization', bearer('eye'));
      expect([path, head.status]).not.toEqual([path, 403]);
    }
  });

  it('say how to send a key', async () => {
    await request(node.url).get('/v1/cluster').expect(401).expect('WWW-Authenticate', 'Bearer');
    const wrong = await request(node.url).get('/v1/cluster').set('Authorization', 'Bearer wrong').expect(401);
    expect(wrong.headers['www-authenticate']).toBe('Bearer');
  });

  it('require a key to open a call stream', async () => {
    const refusalOf = async (headers: Record<string, string>) => {
      const socket = new WebSocket(`${node.url.replace('http', 'ws')}/v1/calls`, { headers });
      socket.on('error', () => undefined);
      const [, response] = await once(socket, 'unexpected-response');
      socket.terminate();
      return [response.statusCode, response.headers['www-authenticate']];
    };
    expect(await refusalOf({})).toEqual([401, 'Bearer']);
    expect(await refusalOf({ Authorization: 'Bearer wrong' })).toEqual([401, 'Bearer']);
    const socket = new WebSocket(`${node.url.replace('http', 'ws')}/v1/calls`, {
      headers: { 'X-Api-Key': 'eye-secret-0123456789' },
    });
    await once(socket, 'open');
    socket.terminate();
  });
});

describe('a route that only reads', () => {
  it('needs only a read key, even when it is a POST', async () => {
    const { lock, cache } = nodes;
    const post = (node: NodeProcess, path: string, body: object) =>
      request(node.url).post(path).set('Authorization', bearer('eye')).send(body);
    await post(lock, '/v1/locks/x/verify', { fencingToken: '1' }).expect(200);
    await post(cache, '/v1/caches/x/mget', { keys: ['a'] }).expect(200);
    await post(lock, '/v1/locks/x/acquire', { owner: 'o' }).expect(403);
    await post(cache, '/v1/caches/x/mdelete', { keys: ['a'] }).expect(403);
  });
});

describe('the body of a request', () => {
  it('is not read before the API key is checked', async () => {
    const begin = (line: string, ...key: string[]) =>
      sendRaw(
        nodes.cache.url,
        [line, 'Host: localhost', 'Content-Type: application/json', 'Content-Length: 1000', ...key],
        '{',
      );
    // The rest of the body is never sent: a node that read it could not answer. Side by side, since it waits before it closes.
    const refused = ['PUT /v1/caches/c/entries/k HTTP/1.1', 'POST /v1/caches/c/mset HTTP/1.1'].flatMap(
      (line) => [begin(line), begin(line, 'X-Api-Key: eye-secret-0123456789')],
    );
    const answers = await Promise.all(refused);
    expect(answers.map((answer) => answer?.status)).toEqual([401, 403, 401, 403]);
  });
});
