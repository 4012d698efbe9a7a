import { NodesStage } from '../stages/nodes-stage.js';

const NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];

describe('many entries in one call', () => {
  const stage = NodesStage.forTests('cache', 2);

  /** The answer as it came, and what it says. */
  const post = async (verb: string, body: object | string, node = 0) => {
    const response = await fetch(`${stage.node(node).url}/v1/caches/${stage.name}/${verb}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, text, body: JSON.parse(text) };
  };
  const put = (key: string, body: string | Buffer, contentType: string, more: Record<string, string> = {}) =>
    fetch(`${stage.node(0).url}/v1/caches/${stage.name}/entries/${encodeURIComponent(key)}`, {
      method: 'PUT',
      headers: { 'Content-Type': contentType, ...more },
      body,
    });
  const values = (body: { entries: { value: unknown }[] }) => body.entries.map(({ value }) => value);

  describe('are each judged by themselves', () => {
    const odd = ['', '\ud800', 'x'.repeat(1_025), 5, null, {}];

    it('by mget and mdelete: a bad key has its problem in its place', async () => {
      await post('mset', { entries: [{ key: 'good', value: 1 }] });
      for (const verb of ['mget', 'mdelete']) {
        const { status, body } = await post(verb, { keys: [...odd, 'good'] });
        expect(status).toBe(200);
        const items = body.entries ?? body.results;
        expect(items.slice(0, -1)).toEqual(
          odd.map((key) => ({
            key,
            status: 400,
            problem: expect.objectContaining({
              code: 'validation-failed',
              instance: `/v1/caches/${stage.name}/${verb}`,
            }),
          })),
        );
        expect(items.at(-1)).toMatchObject({ key: 'good' });
      }
      expect((await post('mget', { keys: ['good'] })).body.entries).toEqual([{ key: 'good', found: false }]);
    });

    it('by mset: what is ill-formed or too large has its problem, the others are stored', async () => {
      await fetch(`${stage.node(0).url}/v1/caches/${stage.name}`, {
        method: 'PUT',
        headers: { 'Content-Type': 'application/json' },
        body: '{"maxEntryBytes":10}',
      });
      const { status, body } = await post('mset', {
        entries: [
          { key: 'a', value: 1, ttlMs: 1.5 },
          { key: 'b', value: 2 },
          { key: 'c', value: 'x'.repeat(11) },
          { key: 'd', value: 3, tags: ['a,b'] },
          null,
        ],
      });
      expect(status).toBe(200);
      expect(body.results).toEqual([
        { key: 'a', status: 400, problem: expect.objectContaining({ code: 'validation-failed' }) },
        expect.objectContaining({ key: 'b', status: 'created' }),
        { key: 'c', status: 413, problem: expect.objectContaining({ code: 'payload-too-large' }) },
        { key: 'd', status: 400, problem: expect.objectContaining({ status: 400 }) },
        { key: null, status: 400, problem: expect.objectContaining({ status: 400 }) },
      ]);
      expect(
        (await post('mget', { keys: ['a', 'b'] })).body.entries.map((e: { found: boolean }) => e.found),
      ).toEqual([false, true]);
      expect((await post('mset', { entries: [{ key: 'c', value: 'x'.repeat(11) }] })).status).toBe(413);
      expect((await post('mget', { keys: [''] })).status).toBe(400);
    });
  });

  it('may be called anything, . and .. too, and may be asked for twice', async () => {
    const keys = [...NAMES, '.', '..'];
    const entries = keys.map(
      (key, i) => `{"key":${JSON.stringify(key)},"value":${i},"tags":["${NAMES[0]}"]}`,
    );
    const stored = await post('mset', `{"entries":[${entries}]}`);
    expect(stored.body.results.map(({ status }: { status: string }) => status)).toEqual(
      keys.map(() => 'created'),
    );
    for (const node of [0, 1, 1]) {
      const { body } = await post('mget', { keys: [...keys, ...keys] }, node);
      expect(values(body)).toEqual([...keys, ...keys].map((_, i) => i % keys.length));
    }
    await post('invalidate', { tags: [NAMES[0]] });
    const { body } = await post('mget', { keys }, 1);
    expect(body.entries).toEqual(keys.map((key) => ({ key, found: false })));
    await post('mset', { entries: [{ key: '..', value: 1 }] });
    expect(
      (await post('mdelete', { keys: ['..', '..'] })).body.results
        .map((r: { status: string }) => r.status)
        .sort(),
    ).toEqual(['absent', 'deleted']);
  });

  it('keep their bytes', async () => {
    const texts = {
      large: '12345678901234567890',
      inside: '{"id":12345678901234567890,"s":"\\"1e400"}',
      fraction: '[0.1234567890123456789]',
      exponent: '[1e400]',
      minusZero: '[-0]',
      spaced: ' { "a" : 1.5e3 } ',
    };
    for (const [key, text] of Object.entries(texts)) await put(key, text, 'application/json');
    const keys = Object.keys(texts);
    const plain = await post('mget', { keys });
    expect(values(plain.body)).toEqual(Object.values(texts));
    const exact = { same: '[0.30000000000000004,-0.5,123456789012345680,"12345678901234567890 1e400 -0"]' };
    await put('same', exact.same, 'application/json');
    expect((await post('mget', { keys: ['same'] })).body.entries[0]).toMatchObject({
      encoding: 'json',
      value: JSON.parse(exact.same),
    });

    await put('object', '{ "a": 1 }', 'application/json');
    await put('untyped', '{"a":1}', 'text/plain');
    await put('bytes', Buffer.from([0, 255]), 'application/json');
    const as = async (how: string) =>
      (await post('mget', { keys: ['object', 'untyped', 'bytes'], as: how })).body.entries.map(
        ({ encoding, value }: { encoding: string; value: unknown }) => [encoding, value],
      );
    expect(await as('json')).toEqual([
      ['json', { a: 1 }],
      ['json', { a: 1 }],
      ['base64', 'AP8='],
    ]);
    expect(await as('utf8')).toEqual([
      ['utf8', '{ "a": 1 }'],
      ['utf8', '{"a":1}'],
      ['base64', 'AP8='],
    ]);
    expect(await as('base64')).toEqual([
      ['base64', Buffer.from('{ "a": 1 }').toString('base64')],
      ['base64', Buffer.from('{"a":1}').toString('base64')],
      ['base64', 'AP8='],
    ]);
    const fill = await fetch(`${stage.node(0).url}/v1/caches/${stage.name}/entries/large/fill`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"as":"base64"}',
    });
    expect(await fill.json()).toMatchObject({
      encoding: 'base64',
      value: Buffer.from(texts.large).toString('base64'),
    });
  });

  it('are refused as text that UTF-8 cannot encode: it would not come back as it went in', async () => {
    const { body } = await post('mset', {
      entries: [
        { key: 'lone', value: '\ud800' },
        { key: 'lone', value: '\ud800', encoding: 'utf8' },
        { key: 'escaped', value: '\ud800', encoding: 'json' },
      ],
    });
    expect(body.results.map(({ status }: { status: unknown }) => status)).toEqual([400, 400, 'created']);
    const read = await post('mget', { keys: ['lone', 'escaped'], as: 'json' });
    expect(values(read.body)).toEqual([undefined, '\ud800']);
  });

  it('keep their content encoding', async () => {
    await put('k', Buffer.from([31, 139, 8]), 'text/plain', { 'Content-Encoding': 'gzip' });
    expect((await post('mget', { keys: ['k'] })).body.entries[0]).toMatchObject({
      contentType: 'text/plain',
      contentEncoding: 'gzip',
    });
    await post('mset', {
      entries: [
        { key: 'm', value: 'H4sI', encoding: 'base64', contentType: 'text/html', contentEncoding: 'br' },
      ],
    });
    const { headers } = await fetch(`${stage.node(1).url}/v1/caches/${stage.name}/entries/m`, {
      method: 'HEAD',
    });
    expect([headers.get('content-type'), headers.get('content-encoding')]).toEqual(['text/html', 'br']);
  });

  it('fit in 8 MiB: what does not is named, and may be asked for again', async () => {
    const big = Buffer.alloc(1_000_000, 'x').toString();
    // Bytes that take six in JSON.
    const wide = Buffer.alloc(1_000_000, 1).toString();
    for (let i = 0; i < 12; i += 1) await put(`big${i}`, big, 'text/plain');
    for (let i = 0; i < 3; i += 1) await put(`wide${i}`, wide, 'text/plain');
    await post('mset', { entries: [{ key: 'small', value: 's' }] });

    const read = async (keys: readonly string[], node: number) => {
      const found = new Map<string, string>();
      let asked = [...keys];
      let calls = 0;
      while (asked.length > 0) {
        const { text, body } = await post('mget', { keys: asked }, node);
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(8_388_608);
        for (const { key, value } of body.entries) found.set(key, value);
        expect(body.entries.length + (body.truncated?.length ?? 0)).toBe(asked.length);
        asked = body.truncated ?? [];
        calls += 1;
      }
      return { found, calls };
    };
    const keys = [
      ...Array.from({ length: 12 }, (_, i) => `big${i}`),
      ...Array.from({ length: 3 }, (_, i) => `wide${i}`),
      'small',
    ];
    for (const node of [0, 1, 1]) {
      const { found } = await read(keys, node);
      expect(keys.filter((key) => !found.has(key))).toEqual([]);
      expect([found.get('big3') === big, found.get('wide2') === wide, found.get('small')]).toEqual([
        true,
        true,
        's',
      ]);
    }
    // One key a thousand times is read once, and told as often as there is room.
    const { text, body } = await post('mget', { keys: Array.from({ length: 1_000 }, () => 'big0') });
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(8_388_608);
    expect(body.truncated).toEqual(['big0']);
    expect(body.entries.length).toBeGreaterThan(0);
  });
});
