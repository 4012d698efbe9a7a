import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { type DynamicModule, Injectable, Module, Scope, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  type BatchItem,
  CacheClient,
  type HandlerContext,
  LockClient,
  type Message,
  QueueClient,
  type SynclineOptions,
} from '@syncline/client';
import { eventually, type NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';
import { SynclineModule, Worker } from './index.js';

let redis: RedisServer;
let nodes: NodeProcess[] = [];
let urls: Required<Pick<SynclineOptions, 'lock' | 'queue' | 'cache'>>;

beforeAll(async () => {
  redis = await RedisServer.start();
  const started = await Promise.all(
    (['lock', 'queue', 'cache'] as const).map((role) => startNodes(role, 1, { redisUrl: redis.url })),
  );
  nodes = started.flat();
  const urlsOf = (role: string) => nodes.filter((node) => node.role === role).map(({ url }) => url);
  urls = { lock: urlsOf('lock'), queue: urlsOf('queue'), cache: urlsOf('cache') };
});
afterAll(async () => {
  await stopAll(nodes);
  await redis?.stop();
});

const contextOf = (App: Type) =>
  NestFactory.createApplicationContext(App, { logger: false, abortOnError: false });

/** Starts an application with the module and these providers. */
function start(syncline: DynamicModule, providers: NonNullable<DynamicModule['providers']>) {
  @Module({ imports: [syncline], providers })
  class App {}
  return contextOf(App);
}

/** An object that throws at every access. */
const HOSTILE: ProxyHandler<object> = new Proxy(
  {},
  {
    get: () => () => {
      throw new Error('hands off');
    },
  },
);

/** A promise that a test resolves. */
function gate<T = void>() {
  let open: (value: T) => void = () => undefined;
  const opened = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

describe('the clients of SynclineModule', () => {
  @Injectable()
  class Clients {
    constructor(
      readonly locks: LockClient,
      readonly queues: QueueClient,
      readonly caches: CacheClient,
    ) {}
  }

  it('are injected everywhere, with the nodes from a factory', async () => {
    @Module({ providers: [{ provide: 'NODES', useFactory: () => urls }], exports: ['NODES'] })
    class Settings {}
    // Does not import the module, which is global.
    @Module({ providers: [Clients] })
    class Feature {}
    const syncline = SynclineModule.forRootAsync({
      imports: [Settings],
      inject: ['NODES'],
      useFactory: (options: SynclineOptions) => options,
    });
    @Module({ imports: [syncline, Feature] })
    class App {}
    const app = await contextOf(App);
    const { locks, queues, caches } = app.get(Clients, { strict: false });
    expect(await locks.using('a', {}, (lease) => lease.isHeld)).toBe(true);
    expect((await queues.queue('a').send(1)).deduplicated).toBe(false);
    expect(await caches.cache('a').get('k')).toBeUndefined();
    await app.close();
  });

  it('are closed with the application', async () => {
    const app = await start(SynclineModule.forRoot({ ...urls, timeoutMs: 100 }), [Clients]);
    const { caches } = app.get(Clients);
    await app.close();
    await expect(caches.cache('a').get('k')).rejects.toThrow();
  });

  it.each([
    ['release their locks when the application closes', {}, 'free'],
    ['leave their locks to the TTL with releaseOnClose: false', { releaseOnClose: false }, 'exclusive'],
  ])('%s', async (_, options, mode) => {
    const app = await start(SynclineModule.forRoot({ ...urls, ...options }), [Clients]);
    const { locks } = app.get(Clients);
    const name = `held-${mode}`;
    const { signal } = await locks.acquire(name, { ttlMs: 60_000 });
    await app.close();
    expect(signal.aborted).toBe(mode === 'free');
    const looking = new LockClient({ urls: urls.lock });
    expect((await looking.inspect(name)).mode).toBe(mode);
    await looking.close();
  });

  it('are injected with engines in this process, and closed with the application', async () => {
    const app = await start(SynclineModule.forRoot({ redis: redis.url, name: 'shop' }), [Clients]);
    const { locks, queues, caches } = app.get(Clients);
    await locks.acquire('embedded', { ttlMs: 60_000 });
    expect((await locks.cluster()).members).toContainEqual(expect.objectContaining({ kind: 'embedded' }));
    expect((await queues.queue('embedded').send(1)).deduplicated).toBe(false);
    expect(await caches.cache('embedded').get('k')).toBeUndefined();
    await app.close();
    const looking = new LockClient({ urls: urls.lock });
    expect((await looking.inspect('embedded')).mode).toBe('free');
    expect((await looking.cluster()).members).toHaveLength(1);
    await looking.close();
  });

  it('fail the start when a provider injects one without nodes', async () => {
    const syncline = SynclineModule.forRoot({ queue: urls.queue, cache: urls.cache });
    await expect(start(syncline, [Clients])).rejects.toThrow(
      "LockClient has no nodes. Clients injects it. Configure them: SynclineModule.forRoot({ lock: ['http://...'] })",
    );
  });

  it('throw when a factory, or a look-up, uses one without nodes', async () => {
    const syncline = () => SynclineModule.forRoot({ queue: urls.queue });
    const cache = {
      provide: 'PRICES',
      inject: [CacheClient],
      useFactory: (caches: CacheClient) => caches.cache('prices'),
    };
    await expect(start(syncline(), [cache])).rejects.toThrow('CacheClient has no nodes.');
    const app = await start(syncline(), []);
    expect(() => app.get(LockClient).acquire('a')).toThrow('LockClient has no nodes.');
    await app.close();
  });
});

describe('a method with @Worker', () => {
  const client = () => new QueueClient({ urls: urls.queue });

  it('handles the messages of its queue, again after it threw', async () => {
    const received = gate<Message<{ id: number }>>();
    const errors: unknown[] = [];
    @Injectable()
    class Orders {
      private readonly greeting = 'order';

      @Worker('orders', {
        backoff: { baseMs: 1, factor: 1, maxMs: 1 },
        onError: (error) => errors.push(error),
      })
      handle(message: Message<{ id: number }>) {
        if (message.receiveCount === 1) throw new Error(`${this.greeting} ${message.body.id}`);
        received.open(message);
      }
    }
    const app = await start(SynclineModule.forRoot(urls), [Orders]);
    await app.get(QueueClient).queue('orders').send({ id: 7 });
    expect(await received.opened).toMatchObject({ body: { id: 7 }, receiveCount: 2 });
    expect(errors).toEqual([new Error('order 7')]);
    await app.close();
    await using queues = client();
    expect((await queues.queue('orders').inspect()).stats).toMatchObject({ ready: 0, inFlight: 0, acked: 1 });
  });

  it('ends before the application closes, and receives no more', async () => {
    const started = gate();
    const finish = gate();
    let handled = 0;
    @Injectable()
    class Mails {
      @Worker('mails')
      async handle() {
        started.open();
        await finish.opened;
        handled++;
      }
    }
    await using queues = client();
    await Promise.all([queues.queue('mails').send(1), queues.queue('mails').send(2)]);
    // An alias is the same provider, with one worker.
    const app = await start(SynclineModule.forRoot(urls), [Mails, { provide: 'MAILS', useExisting: Mails }]);
    await started.opened;
    const closing = app.close();
    let closed = false;
    void closing.then(() => {
      closed = true;
    });
    // The queue still answers: the application waits only for the handler.
    expect((await queues.queue('mails').inspect()).stats).toMatchObject({ inFlight: 1, ready: 1 });
    await turn();
    expect(closed).toBe(false);
    finish.open();
    await closing;
    expect(handled).toBe(1);
    expect((await queues.queue('mails').inspect()).stats).toMatchObject({ inFlight: 0, ready: 1, acked: 1 });
  });

  it('gives its message back when it takes longer than stopTimeoutMs', async () => {
    const started = gate<AbortSignal>();
    @Injectable()
    class Slow {
      @Worker('slow', { stopTimeoutMs: 50 })
      async handle(_: Message<number>, { signal }: HandlerContext) {
        started.open(signal);
        await once(signal, 'abort');
      }
    }
    await using queues = client();
    await queues.queue('slow').send(1);
    const app = await start(SynclineModule.forRoot(urls), [Slow]);
    const signal = await started.opened;
    await app.close();
    expect(signal.aborted).toBe(true);
    expect(await queues.queue('slow').receive()).toHaveLength(1);
  });

  it('handles the messages of several queues', async () => {
    const bodies: unknown[] = [];
    const all = gate();
    @Injectable()
    class Both {
      @Worker('first', { concurrency: 2 })
      @Worker('second')
      handle({ body }: Message<string>) {
        bodies.push(body);
        if (bodies.length === 4) all.open();
      }

      @Worker(['third', 'fourth'], { batch: 5 })
      handleSome(items: readonly BatchItem<string>[]) {
        for (const { message } of items) this.handle(message);
      }
    }
    await using queues = client();
    const sent = { first: 'one', second: 'two', third: 'three', fourth: 'four' };
    await Promise.all(Object.entries(sent).map(([queue, body]) => queues.queue(queue).send(body)));
    const app = await start(SynclineModule.forRoot(urls), [Both]);
    await all.opened;
    await app.close();
    expect(bodies.sort()).toEqual(['four', 'one', 'three', 'two']);
  });

  it('continues after it threw any value, and logs that', async () => {
    const thrown: unknown[] = [Symbol('a'), Object.create(null), undefined, new Proxy({}, HOSTILE), 'text'];
    const logged: string[] = [];
    const done = gate();
    @Injectable()
    class Throwing {
      @Worker('throwing', { backoff: { baseMs: 1, factor: 1, maxMs: 1 } })
      handle({ body, receiveCount }: Message<number>) {
        if (body < thrown.length && receiveCount === 1) throw thrown[body];
        if (body === thrown.length) done.open();
      }
    }
    await using queues = client();
    for (let i = 0; i <= thrown.length; i++) await queues.queue('throwing').send(i);
    const app = await start(SynclineModule.forRoot(urls), [Throwing]);
    app.useLogger({ log() {}, warn() {}, error: (message: string) => logged.push(message) });
    await done.opened;
    await eventually(async () => {
      expect((await queues.queue('throwing').inspect()).stats.acked).toBe(thrown.length + 1);
    });
    await app.close();
    expect(logged.length).toBeGreaterThan(0);
  });

  it('continues when the logger of the application throws', async () => {
    const done = gate();
    @Injectable()
    class Unlogged {
      @Worker('unlogged', { backoff: { baseMs: 1, factor: 1, maxMs: 1 } })
      handle({ receiveCount }: Message<number>) {
        if (receiveCount === 1) throw new Error('again');
        done.open();
      }
    }
    const app = await start(SynclineModule.forRoot(urls), [Unlogged]);
    const broken = () => {
      throw new Error('no disk');
    };
    app.useLogger({ log() {}, warn() {}, error: broken });
    await app.get(QueueClient).queue('unlogged').send(1);
    await done.opened;
    app.useLogger(false);
    await app.close();
  });

  it('fails the start with invalid settings, or on a static method', async () => {
    @Injectable()
    class Wrong {
      @Worker('wrong', { stopTimeoutMs: Number.NaN })
      handle() {}
    }
    await expect(start(SynclineModule.forRoot(urls), [Wrong])).rejects.toThrow(
      '@Worker of Wrong.handle: validation-failed: stopTimeoutMs: expected milliseconds',
    );
    const ofStaticMethods = Worker('static') as (target: object, name: string, method: object) => void;
    expect(() => ofStaticMethods(Wrong, 'handle', { value: () => undefined })).toThrow(
      '@Worker of handle: it must decorate an instance method',
    );
  });

  it('fails the start on a request-scoped class', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Requests {
      @Worker('requests')
      handle() {}
    }
    await expect(start(SynclineModule.forRoot(urls), [Requests])).rejects.toThrow(
      '@Worker of Requests.handle: its class must have the default scope',
    );
  });

  it('fails the start without queue nodes', async () => {
    @Injectable()
    class Orphan {
      @Worker('orphan')
      handle() {}
    }
    await expect(start(SynclineModule.forRoot({ lock: urls.lock }), [Orphan])).rejects.toThrow(
      'QueueClient has no nodes.',
    );
  });
});
