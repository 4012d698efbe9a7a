import { eventually, freePort, NodeProcess, RedisServer, stopAll, TcpProxy } from '@syncline/testing';

const NODES = 2;

/** Two Redis, of which one is the primary behind a name, and nodes that know the name. */
class Pair {
  private constructor(
    readonly a: RedisServer,
    readonly b: RedisServer,
    readonly name: TcpProxy,
    readonly nodes: readonly NodeProcess[],
  ) {}

  static async start(): Promise<Pair> {
    const [a, b] = await Promise.all([RedisServer.start(), RedisServer.start()]);
    const name = await TcpProxy.start(a.port);
    const nodes = await Promise.all(
      Array.from({ length: NODES }, (_, i) =>
        NodeProcess.start('cache', { redisUrl: name.url, nodeId: `cache_${i}` }),
      ),
    );
    return new Pair(a, b, name, nodes);
  }

  url(node: number): string {
    return `${this.nodes[node]?.url}/v1/caches/c/entries/k`;
  }

  async put(node: number, body: string): Promise<boolean> {
    return (await fetch(this.url(node), { method: 'PUT', body })).ok;
  }

  async get(node: number): Promise<string> {
    const response = await fetch(this.url(node));
    const text = await response.text();
    return response.status === 200 ? text : `${response.status}`;
  }

  /** Reads until the node answers from its near cache. */
  async cached(node: number): Promise<void> {
    await eventually(async () => expect((await fetch(this.url(node))).headers.get('x-cache')).toBe('near'));
  }

  /** From now on the name stands for another one; connections that stand are cut. */
  lead(to: RedisServer): void {
    this.name.leadTo(to.port);
    this.name.cut();
  }

  /** Makes `to` the primary, and `from` a replica of what listens at a port. */
  async failOver(from: RedisServer, to: RedisServer, port = to.port): Promise<void> {
    await Promise.all([replicate(to, null), replicate(from, port)]);
    this.lead(to);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await stopAll(this.nodes);
    await this.name.stop();
    await Promise.all([this.a.stop(), this.b.stop()]);
  }
}

/** @param port of its primary; null: it is one */
async function replicate(server: RedisServer, port: number | null): Promise<void> {
  const client = server.connect();
  await (port === null ? client.replicaof('NO', 'ONE') : client.replicaof('127.0.0.1', port));
  client.disconnect();
}

/** Waits until a replica has all that its primary has. */
async function inStep(replica: RedisServer, primary: RedisServer): Promise<void> {
  const [one, other] = [replica.connect(), primary.connect()];
  const field = async (client: typeof one, name: string) =>
    new RegExp(`^${name}:(.*)\\r`, 'm').exec(await client.info('replication'))?.[1];
  await eventually(async () => {
    expect(await field(one, 'master_link_status')).toBe('up');
    expect(await field(one, 'slave_repl_offset')).toBe(await field(other, 'master_repl_offset'));
  }, 20_000);
  one.disconnect();
  other.disconnect();
}

describe('a cache whose Redis fails over', () => {
  it('serves nothing that is older than what was answered, there and back again', async () => {
    await using pair = await Pair.start();
    const { a, b } = pair;
    let written = 0;
    const stale: string[] = [];
    const write = async (node: number) => {
      const value = written + 1;
      await eventually(async () => expect(await pair.put(node, `${value}`)).toBe(true), 20_000);
      written = value;
    };
    const done = new AbortController();
    const readers = Array.from({ length: NODES }, async (_, node) => {
      while (!done.signal.aborted) {
        const known = written;
        const seen = await pair.get(node);
        if (seen !== '404' && seen !== '503' && Number(seen) < known) stale.push(`${seen} after ${known}`);
      }
    });
    await replicate(b, a.port);
    await inStep(b, a);
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      for (const node of [0, 1]) await write(node);
      await inStep(to, from);
      await pair.failOver(from, to);
      for (const node of [0, 1]) await write(node);
      for (const node of [1, 0]) expect(await pair.get(node)).toBe(`${written}`);
      await inStep(from, to);
    }
    done.abort();
    await Promise.all(readers);
    expect(stale).toEqual([]);
  });

  it('gives larger versions, though the new primary lacks the last ones and its clock is behind', async () => {
    await using pair = await Pair.start();
    const { a, b } = pair;
    const client = a.connect();
    // As it stands when the clock of Redis is ten minutes ahead.
    await client.set('syncline:{caches}:clock', Date.now() * 1_000 + 600_000_000);
    client.disconnect();
    const versionThrough = (node: number) =>
      eventually(async () => {
        const response = await fetch(pair.url(node), { method: 'PUT', body: 'v' });
        expect(response.ok).toBe(true);
        return Number(((await response.json()) as { version: string }).version);
      }, 20_000);
    const before = await versionThrough(0);
    await a.kill();
    pair.lead(b);
    expect(await versionThrough(1)).toBeGreaterThan(before);
  });

  it.each([true, false])(
    'serves nothing of a former primary that missed what came after it, with its connections cut: %s',
    async (cut) => {
      await using pair = await Pair.start();
      const { a, b } = pair;
      await pair.put(0, 'old');
      await pair.cached(1);
      await replicate(b, a.port);
      await inStep(b, a);
      if (cut) {
        // It became a replica of what it cannot reach, and then the primary again.
        await pair.failOver(a, b, await freePort());
        await eventually(async () => expect(await pair.put(0, 'new')).toBe(true), 20_000);
        await b.kill();
        await replicate(a, null);
        pair.lead(a);
      } else {
        await replicate(a, await freePort());
        await eventually(async () => expect(await pair.put(0, 'refused')).toBe(false));
        await eventually(async () => expect(await pair.put(1, 'refused')).toBe(false));
        await replicate(a, null);
      }
      for (const node of [0, 1]) {
        await eventually(async () => {
          const seen = await pair.get(node);
          expect(seen).not.toBe('503');
          expect(seen).toBe('404');
        }, 20_000);
      }
    },
  );
});
