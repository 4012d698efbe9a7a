import { type DynamicModule, Injectable, Module, Scope } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { type Message, QueueClient, Syncline } from '@syncline/client';
import { inMemory } from '@syncline/client/testing';
import { eventually, type NodeProcess, RedisServer, startNodes, stopAll, TcpProxy } from '@syncline/testing';
import { Scheduled, SynclineModule } from './index.js';

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis?.stop());

function start(syncline: DynamicModule, provider: NonNullable<DynamicModule['providers']>[number]) {
  @Module({ imports: [syncline], providers: [provider] })
  class App {}
  return NestFactory.createApplicationContext(App, { logger: false, abortOnError: false });
}

describe('a method with @Scheduled', () => {
  it('runs once an occurrence in all instances of the application, one run after the other', async () => {
    const occurrences = 5;
    const ran: string[] = [];
    let running = 0;
    let most = 0;
    @Injectable()
    class Reports {
      @Scheduled('report', { everyMs: 100, limit: occurrences, missed: 'all' }, { concurrency: 4 })
      async write({ id, body }: Message<null>) {
        expect(body).toBeNull();
        running += 1;
        most = Math.max(most, running);
        // Longer than the time between two occurrences.
        await new Promise((resolve) => setTimeout(resolve, 150));
        running -= 1;
        ran.push(id);
      }
    }
    const apps = await Promise.all(
      [1, 2].map(() => start(SynclineModule.forRoot({ redis: redis.url, roles: ['queue'] }), Reports)),
    );
    const [queues] = apps.map((app) => app.get(QueueClient));
    await eventually(() => expect(ran).toHaveLength(occurrences));
    expect(new Set(ran).size).toBe(occurrences);
    expect(most).toBe(1);
    expect(await queues?.schedules.get('report')).toMatchObject({
      queue: 'report',
      sent: occurrences,
      nextAt: null,
    });
    await Promise.all(apps.map((app) => app.close()));
  });

  it('has the message, the queue and the clock that it names', async () => {
    @Injectable()
    class Reports {
      @Scheduled('daily', {
        cron: '0 9 * * MON-FRI',
        timeZone: 'Europe/Berlin',
        queue: 'reports',
        message: { body: { report: 'daily' } },
      })
      write() {}
    }
    const app = await start(SynclineModule.forRoot({ redis: redis.url, roles: ['queue'] }), Reports);
    expect(await app.get(QueueClient).schedules.get('daily')).toMatchObject({
      queue: 'reports',
      cron: '0 9 * * MON-FRI',
      timeZone: 'Europe/Berlin',
      message: { body: { report: 'daily' }, groupId: null },
    });
    await app.close();
  });

  it('is scheduled as soon as a node can be reached', async () => {
    let nodes: NodeProcess[] = [];
    const proxies: TcpProxy[] = [];
    try {
      nodes = await startNodes('queue', 1, { redisUrl: redis.url });
      const proxy = await TcpProxy.start(Number(new URL(nodes[0]?.url ?? '').port));
      proxies.push(proxy);
      proxy.cut({ refuse: true });
      @Injectable()
      class Late {
        @Scheduled('late', { everyMs: 3_600_000 })
        run() {}
      }
      const url = proxy.url.replace('redis:', 'http:');
      const app = await start(SynclineModule.forRoot({ queue: [url], timeoutMs: 300 }), Late);
      proxy.heal();
      await eventually(async () => {
        expect(await app.get(QueueClient).schedules.get('late')).toMatchObject({ queue: 'late' });
      });
      await app.close();
    } finally {
      for (const proxy of proxies) await proxy.stop();
      await stopAll(nodes);
    }
  });

  it('fails the start when its rule is refused, or its class has another scope', async () => {
    @Injectable()
    class Wrong {
      @Scheduled('wrong', { cron: '0 25 * * *' })
      run() {}
    }
    const syncline = () => SynclineModule.forRoot({ redis: redis.url, roles: ['queue'] });
    await expect(start(syncline(), Wrong)).rejects.toThrow(
      /@Scheduled of Wrong.run: validation-failed: .*cron/,
    );
    @Injectable({ scope: Scope.REQUEST })
    class Requests {
      @Scheduled('requests', { everyMs: 1_000 })
      run() {}
    }
    await expect(start(syncline(), Requests)).rejects.toThrow(
      '@Scheduled of Requests.run: its class must have the default scope',
    );
  });

  it('is run by a test in memory', async () => {
    const bodies: unknown[] = [];
    @Injectable()
    class Cleaning {
      @Scheduled('cleaning', { cron: '0 3 * * *', message: { body: 'all' } })
      clean({ body }: Message<string>) {
        bodies.push(body);
      }
    }
    @Module({ imports: [SynclineModule.forRoot({ redis: 'redis://nowhere' })], providers: [Cleaning] })
    class App {}
    const testing = await Test.createTestingModule({ imports: [App] })
      .overrideProvider(Syncline)
      .useValue(inMemory())
      .compile();
    const app = await testing.init();
    await app.get(QueueClient, { strict: false }).schedules.run('cleaning');
    await eventually(() => expect(bodies).toEqual(['all']));
    await app.close();
  });
});
