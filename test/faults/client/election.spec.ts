import { once } from 'node:events';
import { request as ask, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ConnectionError,
  ForbiddenError,
  LockClient,
  UnauthenticatedError,
  ValidationError,
} from '@syncline/client';
import { eventually, type NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';

let redis: RedisServer;
let nodes: NodeProcess[];
let urls: string[];

beforeAll(async () => {
  redis = await RedisServer.start();
  nodes = await startNodes('lock', 2, { redisUrl: redis.url });
  urls = nodes.map(({ url }) => url);
}, 120_000);
afterAll(async () => {
  redis?.thaw();
  for (const node of nodes ?? []) node.thaw();
  await stopAll(nodes ?? []);
  await redis?.stop();
});

/** Candidates, each with its own client, that lead until the test makes them resign. */
class Stage {
  readonly led: string[] = [];
  /** Unexpected errors of candidates. */
  readonly left: unknown[] = [];
  private readonly stop = new AbortController();
  private readonly clients: LockClient[] = [];
  private readonly standing: Promise<unknown>[] = [];
  private resignation = new AbortController();

  constructor(readonly name: string) {}

  stand(owner: string): void {
    const client = new LockClient({ urls });
    this.clients.push(client);
    const { signal } = this.stop;
    const candidacy = async () => {
      while (!signal.aborted) {
        await client.elect(this.name, { owner, ttlMs: 2_000, signal }, async (lease, lost) => {
          this.led.push(lease.owner);
          await once(AbortSignal.any([lost, this.resignation.signal]), 'abort');
          lost.throwIfAborted();
        });
      }
    };
    this.standing.push(candidacy().catch((error) => !signal.aborted && this.left.push(error)));
  }

  /** Makes the leader resign. Returns the next leader. */
  async next(): Promise<string> {
    const before = this.led.length;
    this.resignation.abort();
    this.resignation = new AbortController();
    await eventually(() => expect(this.led.length).toBeGreaterThan(before), 15_000);
    return this.led.at(-1) ?? '';
  }

  async end(): Promise<void> {
    this.stop.abort();
    await Promise.all(this.standing);
    await Promise.all(this.clients.map((client) => client.close()));
  }
}

describe('candidates', () => {
  it.each([
    ['Redis', () => redis.freeze(), () => redis.thaw()],
    ['every node', () => nodes.map((node) => node.freeze()), () => nodes.map((node) => node.thaw())],
    ['one node', () => nodes[0]?.freeze(), () => nodes[0]?.thaw()],
  ])(
    'stay in the election after a freeze of %s',
    async (what, freeze, thaw) => {
      const stage = new Stage(`stall-${what.replace(' ', '-')}`);
      for (const owner of ['ann', 'bob', 'cem', 'dee']) stage.stand(owner);
      await eventually(() => expect(stage.led.length).toBeGreaterThan(0));
      freeze();
      await sleep(5_000);
      thaw();
      for (let i = 0; i < 4; i++) await stage.next();
      expect(stage.left).toEqual([]);
      await stage.end();
    },
    90_000,
  );

  it('can share one owner name', async () => {
    const stage = new Stage('same-name');
    for (let i = 0; i < 3; i++) stage.stand('replica');
    await eventually(() => expect(stage.led.length).toBeGreaterThan(0));
    for (let i = 0; i < 3; i++) expect(await stage.next()).toBe('replica');
    expect(stage.left).toEqual([]);
    await stage.end();
  }, 60_000);

  it('with the owner name of the leader do not poll', async () => {
    await using leading = new LockClient({ urls });
    await using lease = await leading.acquire('patient', { owner: 'replica', ttlMs: 60_000 });
    let asked = 0;
    let probed = 0;
    const server = createServer((request, response) => {
      if (request.url?.endsWith('/acquire')) asked += 1;
      if (request.url === '/health/live') probed += 1;
      const upstream = ask(`${urls[0]}${request.url}`, {
        method: request.method ?? 'GET',
        headers: request.headers,
      });
      upstream.on('response', (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      upstream.on('error', () => response.destroy());
      request.pipe(upstream);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = new LockClient({ urls: [`http://127.0.0.1:${(server.address() as AddressInfo).port}`] });
    const standing = client.elect('patient', { owner: 'replica' }, ({ owner }) => owner);
    await eventually(() => expect(asked).toBe(1));
    await eventually(async () => expect((await leading.inspect('patient')).waiters).toHaveLength(0));
    // The event stream is open, so the node is probed once a second.
    await eventually(() => expect(probed).toBeGreaterThan(3), 20_000);
    expect(asked).toBe(1);
    await lease.release();
    expect(await standing).toBe('replica');
    await client.close();
    server.closeAllConnections();
    server.close();
  }, 60_000);

  it('lead after the leader was killed', async () => {
    await using client = new LockClient({ urls });
    // The process is gone, so nobody renews the lease.
    await fetch(`${urls[0]}/v1/locks/killed/acquire`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ owner: 'gone', ttlMs: 1_000 }),
    });
    expect(await client.elect('killed', { owner: 'next' }, (lease) => lease.owner)).toBe('next');
  });

  it('leave when lead throws, when their signal aborts, and when the request is invalid', async () => {
    await using client = new LockClient({ urls });
    const own = new Error('mine');
    await expect(client.elect('own', {}, () => Promise.reject(own))).rejects.toBe(own);
    const stop = new AbortController();
    await using _ = await client.acquire('stopped');
    const standing = client.elect('stopped', { signal: stop.signal }, () => undefined);
    stop.abort(new Error('enough'));
    await expect(standing).rejects.toThrow('enough');
    await expect(client.elect('no spaces', {}, () => undefined)).rejects.toThrow(ValidationError);
    await expect(client.elect('x', { owner: 'x'.repeat(300) }, () => undefined)).rejects.toThrow(
      ValidationError,
    );
  });

  it('leave when their client is closed', async () => {
    await using other = new LockClient({ urls });
    await using _ = await other.acquire('closed');
    const client = new LockClient({ urls });
    const standing = client.elect('closed', {}, () => undefined);
    await eventually(async () => expect((await other.inspect('closed')).waiters).toHaveLength(1));
    await client.close();
    await expect(standing).rejects.toThrow(ConnectionError);
    await expect(client.elect('closed', {}, () => undefined)).rejects.toThrow(ConnectionError);
  });

  it('leave when their API key lacks the right', async () => {
    const [guarded] = await startNodes('lock', 1, {
      redisUrl: redis.url,
      env: { API_KEYS: 'reader:0123456789abcdef:read', NODE_ID: 'guarded' },
    });
    await using client = new LockClient({ urls: [guarded?.url ?? ''], apiKey: '0123456789abcdef' });
    await expect(client.elect('guarded', {}, () => undefined)).rejects.toThrow(ForbiddenError);
    await using keyless = new LockClient({ urls: [guarded?.url ?? ''] });
    const observing = keyless.observe('guarded', new AbortController().signal);
    await expect(observing.next()).rejects.toThrow(UnauthenticatedError);
    await guarded?.stop();
  }, 60_000);
});

describe('an observer', () => {
  it('sees the next leader when its node is frozen', async () => {
    const stage = new Stage('observed');
    // Observers may use either node, so some observer uses the node that freezes first.
    await using watching = new LockClient({ urls });
    const stop = new AbortController();
    const seen: (string | null)[] = [];
    const observing = (async () => {
      for await (const leader of watching.observe('observed', stop.signal)) seen.push(leader?.owner ?? null);
    })();
    stage.stand('ann');
    await eventually(() => expect(seen.at(-1)).toBe('ann'));
    for (const [i, node] of nodes.entries()) {
      node.freeze();
      stage.stand(`next-${i}`);
      await eventually(() => expect(stage.led.at(-1)).toBeDefined());
      const next = await stage.next();
      await eventually(() => expect(seen.at(-1)).toBe(next), 15_000);
      node.thaw();
      await eventually(
        async () => expect((await fetch(`${node.url}/health/ready`)).status).toBe(200),
        15_000,
      );
    }
    stop.abort();
    await observing;
    await stage.end();
  }, 90_000);

  it('gets the same errors as a candidate, and ends when its client is closed', async () => {
    const client = new LockClient({ urls });
    const observe = async (name: string) => {
      for await (const _ of client.observe(name, new AbortController().signal)) await client.close();
      return 'ended';
    };
    await expect(observe('no spaces')).rejects.toThrow(ValidationError);
    await expect(observe(undefined as unknown as string)).rejects.toThrow(ValidationError);
    expect(await observe('ends')).toBe('ended');
  });

  it('that starts while a node is frozen sees the leader', async () => {
    await using leading = new LockClient({ urls: [urls[1] ?? ''] });
    await using _ = await leading.acquire('newcomer', { owner: 'ann', ttlMs: 60_000 });
    nodes[0]?.freeze();
    try {
      // At least one of several observers tries the frozen node first.
      const owners = await Promise.all(
        Array.from({ length: 8 }, async () => {
          await using client = new LockClient({ urls });
          const stop = new AbortController();
          for await (const leader of client.observe('newcomer', stop.signal)) return leader?.owner;
          return undefined;
        }),
      );
      expect(owners).toEqual(Array(8).fill('ann'));
    } finally {
      nodes[0]?.thaw();
    }
  }, 60_000);
});
