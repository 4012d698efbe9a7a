import { once } from 'node:events';
import http from 'node:http';
import { gzipSync } from 'node:zlib';
import { eventually, NodeProcess, RedisServer } from '@syncline/testing';
import request from 'supertest';

const PROBLEM = 'application/problem+json; charset=utf-8';
const path = (key: string, cache = 'c') =>
  `/v1/caches/${encodeURIComponent(cache)}/entries/${encodeURIComponent(key)}`;

/** Reads an answer's body as the bytes that came, whatever its content type says. */
const asBytes = (test: request.Test) =>
  test.buffer(true).parse((response, done) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () => done(null, Buffer.concat(chunks)));
  });

/** The bytes on the wire: what is compressed is not unpacked. */
async function rawGet(url: string) {
  const [response] = (await once(http.get(url), 'response')) as [http.IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { headers: response.headers, bytes: Buffer.concat(chunks) };
}

describe('cache entries', () => {
  let redis: RedisServer;
  let node: NodeProcess;

  beforeAll(async () => {
    redis = await RedisServer.start();
    node = await NodeProcess.start('cache', { redisUrl: redis.url, nodeId: 'cache_1' });
  });
  afterAll(async () => {
    await node?.stop();
    await redis?.stop();
  });
  const put = (key: string, body: string | Buffer, query = '') =>
    request(node.url)
      .put(`${path(key)}${query}`)
      .set('Content-Type', 'text/plain')
      .send(body);
  const get = (key: string) => asBytes(request(node.url).get(path(key)));

  describe('a value', () => {
    it.each([
      ['text', 'text/plain', Buffer.from('hello')],
      ['broken JSON', 'application/json', Buffer.from('{"a":')],
      ['JSON with spaces', 'application/json; charset=utf-8', Buffer.from(' { "a" : 1 } ')],
      ['every byte', 'application/octet-stream', Buffer.from(Array.from({ length: 256 }, (_, i) => i))],
      ['a form', 'application/x-www-form-urlencoded', Buffer.from('a=1&b=2')],
      ['nothing', 'text/html', Buffer.alloc(0)],
      ['an odd type', 'X-Odd/Thing;a="b, c" ; q=1', Buffer.from('x')],
    ])('comes back as it went in: %s', async (name, contentType, bytes) => {
      const url = `${node.url}${path(`as it came/${name}`)}`;
      const stored = await fetch(url, {
        method: 'PUT',
        headers: { 'Content-Type': contentType },
        body: bytes,
      });
      expect(stored.status).toBe(201);
      const { version } = (await stored.json()) as { version: string };
      const { body, headers } = await get(`as it came/${name}`).expect(200);
      expect(Buffer.compare(body, bytes)).toBe(0);
      expect(headers['content-type']).toBe(contentType);
      expect(headers['content-length']).toBe(String(bytes.length));
      expect(headers.etag).toBe(`"${version}"`);
      expect(headers['x-cache']).toBe('store');
      expect(Number(headers.age)).toBeGreaterThanOrEqual(0);
    });

    it('without a content type is application/octet-stream', async () => {
      const response = await fetch(`${node.url}${path('untyped')}`, {
        method: 'PUT',
        body: Buffer.from('x'),
      });
      expect(response.status).toBe(201);
      expect((await get('untyped')).headers['content-type']).toBe('application/octet-stream');
    });

    it('that is a page runs nothing in the name of the node', async () => {
      await put('page', '<script>1</script>').set('Content-Type', 'text/html').expect(201);
      await get('page')
        .expect('Content-Security-Policy', 'sandbox')
        .expect('X-Content-Type-Options', 'nosniff')
        .expect(200);
    });

    it('that is compressed stays compressed', async () => {
      const bytes = gzipSync('compressed');
      const headers = { 'Content-Encoding': 'gzip', 'Content-Type': 'text/plain' };
      const url = `${node.url}${path('gz')}`;
      expect((await fetch(url, { method: 'PUT', headers, body: bytes })).status).toBe(201);
      const raw = await rawGet(url);
      expect(raw.headers).toMatchObject({ 'content-encoding': 'gzip', 'content-type': 'text/plain' });
      expect(raw.bytes.equals(bytes)).toBe(true);
      expect(await (await fetch(url)).text()).toBe('compressed');
    });

    it('is refused with a header that could not be given back', async () => {
      const url = `${node.url}${path('odd')}`;
      for (const [name, value] of [
        ['Content-Encoding', 'gzip;'],
        ['Content-Type', 'x'.repeat(257)],
      ] as const) {
        const response = await fetch(url, { method: 'PUT', headers: { [name]: value }, body: 'x' });
        expect(response.status).toBe(400);
        expect(((await response.json()) as { errors: unknown }).errors).toEqual([
          expect.objectContaining({ path: name }),
        ]);
      }
    });

    it('may have 1 MiB and not a byte more', async () => {
      const largest = Buffer.alloc(1_048_576, 7);
      await put('largest', largest).expect(201);
      expect(Buffer.compare((await get('largest').expect(200)).body, largest)).toBe(0);
      const { body } = await put('larger', Buffer.alloc(1_048_577))
        .expect(413)
        .expect('Content-Type', PROBLEM);
      expect(body.code).toBe('payload-too-large');
    });
  });

  it.each(['a/b', 'ä ö', '🦊', '%25', 'a%2Fb', '...', '?x=1#y', ' ', '\u0000', '{a}:b', 'x'.repeat(1_024)])(
    'keeps the key %j apart from all others',
    async (key) => {
      await put(key, `value of ${key}`).expect(201);
      expect((await get(key).expect(200)).body.toString()).toBe(`value of ${key}`);
    },
  );

  it('is deleted only when its conditions hold', async () => {
    const { body } = await put('del', '1').expect(201);
    const remove = (name: string, value: string) => request(node.url).delete(path('del')).set(name, value);
    await remove('If-None-Match', `"${body.version}"`).expect(412);
    await remove('If-None-Match', '*').expect(412);
    await remove('If-Match', '"0"').expect(412);
    await remove('If-None-Match', 'unquoted').expect(400);
    await get('del').expect(200);
    await remove('If-None-Match', '"0"').expect(204);
    await get('del').expect(404);
    await remove('If-None-Match', '*').expect(204);
  });

  it('keeps caches apart whose names look like keys of each other', async () => {
    await request(node.url).put(path('{b}', 'a')).send('one').expect(201);
    await request(node.url).put(path('b', 'a}:v:{')).send('two').expect(201);
    expect((await asBytes(request(node.url).get(path('{b}', 'a')))).body.toString()).toBe('one');
  });

  it.each([
    ['a key of 1,025 bytes', path('x'.repeat(1_025))],
    ['a key of 1,026 bytes in 513 characters', path('ä'.repeat(513))],
    ['a bad cache name', path('k', 'a b')],
    ['a TTL of 0', `${path('k')}?ttlMs=0`],
    ['a TTL that is no number', `${path('k')}?ttlMs=soon`],
    ['an unknown field', `${path('k')}?ttl=5`],
    ['an empty tag', `${path('k')}?tags=a,,b`],
    ['a percent sign alone', '/v1/caches/c/entries/%zz'],
  ])('refuses %s', async (_what, url) => {
    const { body } = await request(node.url).put(url).send('x').expect(400).expect('Content-Type', PROBLEM);
    expect(body.code).toBe('validation-failed');
  });

  describe('a write', () => {
    it('answers 201 when it creates and 200 when it replaces, each time with a new version', async () => {
      const first = await put('w', '1').expect(201);
      expect(first.body).toEqual({ version: expect.stringMatching(/^\d+$/), expiresAt: null });
      const second = await put('w', '2').expect(200);
      expect(BigInt(second.body.version)).toBeGreaterThan(BigInt(first.body.version));
      expect((await get('w')).body.toString()).toBe('2');
    });

    it('never uses a version again, also after a delete', async () => {
      const before = await put('again', '1').expect(201);
      await request(node.url).delete(path('again')).expect(204);
      await request(node.url).delete(path('again')).expect(204);
      const { body } = await get('again').expect(404).expect('Content-Type', PROBLEM);
      expect(JSON.parse(body.toString()).code).toBe('not-found');
      const after = await put('again', '1').expect(201);
      expect(BigInt(after.body.version)).toBeGreaterThan(BigInt(before.body.version));
    });

    it('happens only when If-Match names the version', async () => {
      const { body } = await put('cas', '1').expect(201);
      const changed = await put('cas', '2').set('If-Match', `"${body.version}"`).expect(200);
      const refused = await put('cas', '3').set('If-Match', `"${body.version}"`).expect(412);
      expect(refused.body.code).toBe('version-mismatch');
      await put('cas', '3').set('If-Match', `W/"${changed.body.version}"`).expect(412);
      await put('cas', '3').set('If-Match', `"0", "${changed.body.version}"`).expect(200);
      await put('cas', '4').set('If-Match', '*').expect(200);
      await put('never there', '1').set('If-Match', '*').expect(412);
      await put('cas', '5').set('If-Match', 'unquoted').expect(400);
      expect((await get('cas')).body.toString()).toBe('4');
    });

    it('with If-None-Match: * only creates', async () => {
      await put('new', '1').set('If-None-Match', '*').expect(201);
      await put('new', '2').set('If-None-Match', '*').expect(412);
      expect((await get('new')).body.toString()).toBe('1');
    });

    it('by compare-and-set has one winner among many', async () => {
      const { body } = await put('race', '0').expect(201);
      const tries = await Promise.all(
        Array.from({ length: 20 }, (_, i) => put('race', `${i}`).set('If-Match', `"${body.version}"`)),
      );
      expect(tries.filter(({ status }) => status === 200)).toHaveLength(1);
      expect(tries.filter(({ status }) => status === 412)).toHaveLength(19);
    });
  });

  it('is not stored with an X-Fill-Lease that is empty', async () => {
    const { body } = await put('unleased', 'x').set('X-Fill-Lease', '').expect(400);
    expect(body.errors).toEqual([{ path: 'X-Fill-Lease', message: expect.any(String) }]);
    await get('unleased').expect(404);
  });

  it('deletes only when If-Match names the version', async () => {
    const { body } = await put('d', '1').expect(201);
    await request(node.url).delete(path('d')).set('If-Match', '"1"').expect(412);
    await request(node.url).delete(path('d')).set('If-Match', `"${body.version}"`).expect(204);
    await request(node.url).delete(path('d')).set('If-Match', `"${body.version}"`).expect(412);
  });

  it('answers 304 without bytes to who has the version', async () => {
    const { body } = await put('known', 'x').expect(201);
    const unchanged = await get('known').set('If-None-Match', `"1", W/"${body.version}"`).expect(304);
    expect(unchanged.headers.etag).toBe(`"${body.version}"`);
    expect(unchanged.body).toHaveLength(0);
    await get('known').set('If-None-Match', '*').expect(304);
    // Empty members of a list are passed over: RFC 9110, 5.6.1.
    await get('known').set('If-None-Match', `, "1",, "${body.version}",`).expect(304);
    await get('known').set('If-None-Match', ',').expect(400);
    await get('known').set('If-None-Match', '"1", "abc"').expect(200);
  });

  describe('a life', () => {
    it('ends after ttlMs, and the memory is freed', async () => {
      const before = Date.now();
      const { body } = await put('short', 'x', '?ttlMs=2000').expect(201);
      expect(Date.parse(body.expiresAt) - before).toBeGreaterThanOrEqual(1_999);
      expect(body.expiresAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      await get('short').expect(200);
      await eventually(() => get('short').expect(404));
      expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(body.expiresAt));
      await put('short', 'y', '?ttlMs=60000').set('If-None-Match', '*').expect(201);
    });

    it('does not outlive its end in Redis', async () => {
      await put('swept', 'x', '?ttlMs=100').expect(201);
      const client = redis.connect();
      try {
        await eventually(async () => expect(await client.keys('*swept*')).toEqual([]));
      } finally {
        client.disconnect();
      }
    });

    it('is followed by staleMs in which the entry is served as stale', async () => {
      await put('stale', 'x', '?ttlMs=100&staleMs=3000').expect(201);
      const stale = await eventually(() => get('stale').expect('X-Cache', 'stale'));
      expect(stale.body.toString()).toBe('x');
      await eventually(() => get('stale').expect(404));
    });

    it('is for ever again when a later write gives no TTL', async () => {
      await put('forever', '1', '?ttlMs=60000').expect(201);
      expect((await put('forever', '2').expect(200)).body.expiresAt).toBeNull();
    });
  });

  it('shows bytes and examples in its OpenAPI document', async () => {
    const { body } = await request(node.url).get('/api/doc-json').expect(200);
    const entry = body.paths['/v1/caches/{cache}/entries/{key}'];
    expect(entry.put.requestBody.content['*/*'].schema).toMatchObject({ type: 'string', format: 'binary' });
    expect(entry.get.responses['200'].content['*/*'].schema).toMatchObject({
      type: 'string',
      format: 'binary',
    });
    expect(Object.keys(entry.put.responses).sort()).toEqual([
      '200',
      '201',
      '400',
      '401',
      '403',
      '412',
      '413',
      '429',
      '503',
    ]);
    expect(entry.put.parameters.map(({ name }: { name: string }) => name).sort()).toEqual(
      [
        'Content-Encoding',
        'If-Match',
        'If-None-Match',
        'X-Fill-Lease',
        'cache',
        'key',
        'staleMs',
        'tags',
        'ttlMs',
      ].sort(),
    );
  });
});
