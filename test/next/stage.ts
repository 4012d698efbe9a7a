import { eventually, type NodeProcess, RedisServer, startNodes, stopAll, TcpProxy } from '@syncline/testing';
import type { NextApp, Replica } from './next-app.js';
import { Origin } from './origin.js';

const WAYS = ['tag', 'path', 'action'] as const;

const pick = <Item>(items: readonly Item[]) => items[Math.floor(Math.random() * items.length)] as Item;
const shuffled = <Item>(items: readonly Item[]) =>
  items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);

/** Replicas of an app beside one Redis, each with a cable of its own to it, and what their pages show. */
export class Stage {
  private constructor(
    private readonly app: NextApp,
    private readonly pages: readonly string[],
    private readonly redis: RedisServer,
    private readonly cables: readonly TcpProxy[],
    private readonly origin: Origin,
    private replicas: readonly Replica[],
  ) {}

  static async open(app: NextApp, pages: readonly string[]): Promise<Stage> {
    const redis = await RedisServer.start();
    const cables = [await TcpProxy.start(redis.port), await TcpProxy.start(redis.port)];
    const stage = new Stage(app, pages, redis, cables, await Origin.start(), []);
    stage.replicas = await Promise.all(cables.map((_, i) => stage.startReplica(i)));
    return stage;
  }

  async close(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.kill()));
    this.origin.stop();
    await Promise.all(this.cables.map((cable) => cable.stop()));
    await this.redis.stop();
  }

  /** Changes what the pages show, revalidates on one replica, and reads all pages of all replicas. */
  async revalidate(rounds: number): Promise<void> {
    await this.allKeep();
    for (let round = 0; round < rounds; round += 1) {
      this.origin.value += 1;
      const how = pick(WAYS);
      this.expectStatus(200, await pick(this.replicas).change(how), how);
      const reads = this.replicas.flatMap((replica) => this.pages.map((page) => ({ replica, page })));
      for (const { replica, page } of shuffled([...reads, ...reads])) {
        const shown = await replica.read(page);
        if (shown !== this.origin.value)
          throw new Error(
            `Round ${round}: ${page} shows ${shown} after ${this.origin.value} was revalidated by ${how}\n${replica.output}`,
          );
      }
    }
    await this.allKeep();
  }

  async withoutHints(run: () => Promise<void>): Promise<void> {
    for (const cable of this.cables) cable.dropMessages = true;
    await run();
    for (const cable of this.cables) cable.dropMessages = false;
  }

  async revalidateWhileRendering(): Promise<void> {
    const [one, two] = this.replicas as [Replica, Replica];
    for (let round = 0; round < 3; round += 1) {
      const path = `/slow/${round}`;
      const before = this.asked('slow-');
      const rendering = two.read(path);
      await eventually(() => {
        if (this.asked('slow-') === before) throw new Error('Not asked yet');
      });
      this.origin.value += 1;
      this.expectStatus(200, await one.change('tag'), 'tag');
      await rendering;
      await this.expectAll(path);
    }
  }

  async letTimePass(): Promise<void> {
    for (const replica of this.replicas) await replica.read('/timed/1');
    this.origin.value += 1;
    await eventually(() => this.expectAll('/timed/1'));
  }

  async revalidateByNext(): Promise<void> {
    for (const how of ['nextTag', 'nextPath']) {
      await this.allKeep();
      this.origin.value += 1;
      this.expectStatus(200, await pick(this.replicas).change(how), how);
      await eventually(async () => {
        for (const page of this.pages) await this.expectAll(page);
      });
    }
  }

  async loseRedis(): Promise<void> {
    await this.allKeep();
    await this.redis.kill();
    this.origin.value += 1;
    // From the end of the lease on: until then it is the cache that answers.
    await eventually(async () => {
      for (const page of this.pages) await this.expectAll(page);
    });
    for (const how of WAYS) this.expectStatus(500, await pick(this.replicas).change(how), how);
    await this.redis.restart();
    await eventually(async () => this.expectStatus(200, await pick(this.replicas).change('tag'), 'tag'));
    await this.revalidate(10);
  }

  async loseReplica(): Promise<void> {
    await this.allKeep();
    const [one, two] = this.replicas as [Replica, Replica];
    await one.kill();
    this.origin.value += 1;
    this.expectStatus(200, await two.change('tag'), 'tag');
    for (const page of this.pages) await expectShown(two, page, this.origin.value);
    this.replicas = [await this.startReplica(0), two];
    await this.revalidate(10);
  }

  async overNodes(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.kill()));
    const nodes: NodeProcess[] = await startNodes('cache', 2, { redisUrl: this.redis.url });
    const urls = nodes.map(({ url }) => url);
    const environments = [urls, urls.toReversed()].map((ordered) => ({ CACHE_NODES: ordered.join() }));
    this.replicas = await Promise.all(
      environments.map((more, i) => this.app.start(`replica-${i}`, { ...more, ORIGIN: this.origin.url })),
    );
    await this.revalidate(20);
    await stopAll(nodes);
  }

  private startReplica(i: number): Promise<Replica> {
    const environment = { REDIS_URL: this.cables[i]?.url ?? '', ORIGIN: this.origin.url };
    return this.app.start(`replica-${i}`, environment);
  }

  /** Until every replica serves every page without asking for what it shows. */
  private async allKeep(): Promise<void> {
    for (const replica of this.replicas)
      for (const page of this.pages) await replica.keeps(page, () => this.asked(''));
  }

  private asked(prefix: string): number {
    const counts = [...this.origin.asked].map(([name, count]) => (name.startsWith(prefix) ? count : 0));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  private async expectAll(page: string): Promise<void> {
    for (const replica of this.replicas) await expectShown(replica, page, this.origin.value);
  }

  private expectStatus(expected: number, status: number, how: string): void {
    if (status === expected) return;
    const outputs = this.replicas.map(({ output }) => output).join('\n');
    throw new Error(`${how} answered ${status}, not ${expected}\n${outputs}`);
  }
}

async function expectShown(replica: Replica, page: string, value: number): Promise<void> {
  const shown = await replica.read(page);
  if (shown !== value) throw new Error(`${page} shows ${shown}, not ${value}\n${replica.output}`);
}
