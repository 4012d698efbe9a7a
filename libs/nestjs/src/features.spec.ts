import { setImmediate as turn } from 'node:timers/promises';
import { type INestApplicationContext, Injectable, Module, Scope, type Type } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { Test } from '@nestjs/testing';
import {
  Cache,
  CacheClient,
  type Lease,
  LeaseLostError,
  LockClient,
  LockHeldError,
  type Queue,
  Syncline,
  text,
} from '@syncline/client';
import { eventually, RedisServer } from '@syncline/testing';
import {
  currentLease,
  getQueueToken,
  InjectCache,
  InjectQueue,
  Locked,
  SynclineHealthIndicator,
  SynclineModule,
  SynclineThrottlerStorage,
} from './index.js';

/** A call that a test lets go on. */
class Pause {
  private go: () => void = () => undefined;
  readonly gone = new Promise<void>((resolve) => {
    this.go = resolve;
  });
  readonly leases: Lease[] = [];

  async hold(): Promise<string> {
    this.leases.push(currentLease());
    await this.gone;
    return currentLease().fencingToken;
  }

  end(): void {
    this.go();
  }
}

const MARK = Reflector.createDecorator<string>();

@Injectable()
class Reports {
  constructor(
    @InjectQueue('mails') readonly mails: Queue<string>,
    @InjectCache('prices') readonly prices: Cache<number>,
    @InjectCache('pages') readonly pages: Cache<string>,
  ) {}

  @Locked((day: string) => `report-${day}`, { ttlMs: 3_000 })
  @MARK('kept')
  async write(_day: string, pause: Pause): Promise<string> {
    return pause.hold();
  }

  @Locked('failing')
  async fail(): Promise<never> {
    throw new RangeError('no paper');
  }
}

@Injectable()
class Monthly extends Reports {
  override async write(day: string, pause: Pause): Promise<string> {
    return `monthly ${await super.write(day, pause)}`;
  }
}

@Injectable({ scope: Scope.TRANSIENT })
class Draft {
  @Locked('draft', { ttlMs: 5_000, owner: 'drafts', metadata: { by: 'test' } })
  async write(): Promise<Lease> {
    return currentLease();
  }
}

let redis: RedisServer;
let apps: INestApplicationContext[] = [];

/** One replica of an application. */
async function start(): Promise<INestApplicationContext> {
  @Module({
    imports: [
      SynclineModule.forRoot({ redis: redis.url }),
      SynclineModule.forFeature({ queues: ['mails'], caches: ['prices', { name: 'pages', codec: text }] }),
      TerminusModule.forRoot({ logger: false }),
    ],
    providers: [Reports, Monthly, Draft],
  })
  class App {}
  const testing = await Test.createTestingModule({ imports: [App] }).compile();
  return testing.init();
}

beforeAll(async () => {
  redis = await RedisServer.start();
  apps = await Promise.all([start(), start()]);
});
afterAll(async () => {
  await Promise.all(apps.map((app) => app.close()));
  await redis?.stop();
});

const of = <T>(type: Type<T>) => apps.map((app) => app.get(type)) as [T, T];
const running = (pause: Pause) => eventually(() => expect(pause.leases).toHaveLength(1));

describe('a method with @Locked', () => {
  it('runs once at a time in all replicas, by the name that its arguments make', async () => {
    const [here, there] = of(Reports);
    const [first, second] = [new Pause(), new Pause()];
    const writing = here.write('monday', first);
    await running(first);
    await expect(there.write('monday', second)).rejects.toThrow(LockHeldError);
    expect(second.leases).toHaveLength(0);
    second.end();
    expect(await there.write('tuesday', second)).toMatch(/^\d+$/);
    first.end();
    expect(await writing).toBe(first.leases[0]?.fencingToken);
    expect(await there.write('monday', second)).toMatch(/^\d+$/);
  });

  it('passes errors on and frees the lock', async () => {
    const [here] = of(Reports);
    await expect(here.fail()).rejects.toThrow(new RangeError('no paper'));
    await expect(here.fail()).rejects.toThrow(RangeError);
  });

  it('is told by its signal that the lock is lost, and rejects', async () => {
    const [here] = of(Reports);
    const pause = new Pause();
    const writing = here.write('revoked', pause);
    await running(pause);
    const [lease] = pause.leases as [Lease];
    await apps[1]?.get(LockClient).revoke('report-revoked');
    await eventually(() => expect(lease.signal.aborted).toBe(true));
    pause.end();
    await expect(writing).rejects.toThrow(LeaseLostError);
  });

  it('is inherited, works in every scope and keeps what other decorators say', async () => {
    const pause = new Pause();
    pause.end();
    const [here] = of(Monthly);
    expect(await here.write('friday', pause)).toMatch(/^monthly \d+$/);
    const draft = (await apps[0]?.resolve(Draft)) as Draft;
    expect((await draft.write()).grant).toMatchObject({ owner: 'drafts', ttlMs: 5_000 });
    expect(new Reflector().get(MARK, Reports.prototype.write)).toBe('kept');
    expect(Reports.prototype.write.name).toBe('write');
  });

  it('is refused on a static method, and in an object that Nest did not make', async () => {
    await expect(new Draft().write()).rejects.toThrow('@Locked of write: Nest did not make this object');
    const ofStaticMethods = Locked('x') as (target: object, key: string, method: object) => void;
    expect(() => ofStaticMethods(Draft, 'write', { value: () => undefined })).toThrow('instance method');
    expect(() => currentLease()).toThrow('There is no lease');
  });

  it('ends with its application, which frees the lock', async () => {
    const app = await start();
    const pause = new Pause();
    const writing = app.get(Reports).write('closing', pause);
    await running(pause);
    const [lease] = pause.leases as [Lease];
    lease.signal.addEventListener('abort', () => pause.end());
    const lost = expect(writing).rejects.toThrow(LeaseLostError);
    await app.close();
    await lost;
    const [here] = of(Reports);
    expect(await here.write('closing', pause)).toMatch(/^\d+$/);
  });
});

it('queues and caches of forFeature are injected by their names, caches with their options', async () => {
  const [here, there] = of(Reports);
  await here.mails.send('to Ada');
  expect(await there.mails.receive()).toMatchObject([{ body: 'to Ada' }]);
  await here.prices.set('sku-1', 19.9);
  expect(await there.prices.get('sku-1')).toBe(19.9);
  await here.pages.set('home', 'as it is');
  expect((await there.pages.getEntry('home'))?.value).toBe('as it is');
  expect(there.prices).toBeInstanceOf(Cache);
  expect(apps[0]?.get(getQueueToken('mails'), { strict: false })).toBe(here.mails);
  await expect(apps[0]?.get(Syncline).cache('pages').get('home')).rejects.toThrow(SyntaxError);
});

it('a ThrottlerStorage counts the requests of all replicas, and blocks for blockDuration', async () => {
  const storages = of(CacheClient).map((caches) => new SynclineThrottlerStorage(caches));
  const hit = (i: number, key: string, ttl: number, blockDuration: number) =>
    (storages[i % 2] as SynclineThrottlerStorage).increment(key, ttl, 5, blockDuration, 'default');
  const all = await Promise.all(Array.from({ length: 8 }, (_, i) => hit(i, 'ada', 60_000, 90_000)));
  expect(all.map(({ totalHits }) => totalHits).sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(all.filter(({ isBlocked }) => isBlocked)).toHaveLength(3);
  expect(all.every(({ timeToExpire }) => timeToExpire === 60)).toBe(true);
  expect(new Set(all.map(({ timeToBlockExpire }) => timeToBlockExpire))).toEqual(new Set([0, 90]));

  // The window is over long before the block, which lasts as long from the request that is one too many.
  const hits = await Promise.all(Array.from({ length: 6 }, (_, i) => hit(i, 'short', 600, 2_000)));
  expect(hits.some(({ isBlocked }) => isBlocked)).toBe(true);
  const begun = performance.now();
  await eventually(async () => expect((await hit(1, 'short', 600, 2_000)).isBlocked).toBe(false));
  expect(performance.now() - begun).toBeGreaterThan(1_500);
});

it('SynclineHealthIndicator is up while Redis answers, and down when it does not', async () => {
  const check = async () => {
    const [app] = apps as [INestApplicationContext];
    const [health, indicator] = [app.get(HealthCheckService), app.get(SynclineHealthIndicator)];
    return health.check([() => indicator.isHealthy('syncline', { timeoutMs: 20_000 })]);
  };
  expect(await check()).toMatchObject({
    status: 'ok',
    details: { syncline: { status: 'up', lock: 'up', queue: 'up', cache: 'up' } },
  });
  await redis.stop();
  await turn();
  await expect(check()).rejects.toMatchObject({
    response: {
      status: 'error',
      details: { syncline: { status: 'down', lock: expect.stringContaining('Redis') } },
    },
  });
  const [indicator] = of(SynclineHealthIndicator);
  expect(await indicator.isHealthy('now', { timeoutMs: 1 })).toMatchObject({
    now: { status: 'down', cache: expect.any(String) },
  });
});
