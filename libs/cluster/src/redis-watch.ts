import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import {
  checkRedis,
  describeRedis,
  primariesOf,
  REDIS,
  REDIS_OPTIONS,
  type RedisClient,
  type RedisModuleOptions,
  storeError,
  UnsuitableRedis,
} from '@syncline/redis';
import { Loop, Metrics } from '@syncline/runtime';
import { Counter } from 'prom-client';
import { CLUSTER_OPTIONS, type ClusterOptions } from './cluster.options.js';
import { noteInstance } from './redis/scripts/events.commands.js';

/** What was right at boot is looked at again this often, and at each new connection. */
const LOOK_MS = 10_000;
/** Redis' clock and that of this machine may part by this much between two looks. */
const CLOCK_STEP_MS = 500;

/**
 * Looks again at what can change while a node runs: the eviction policy and version of each primary, and its clock, by
 * which Redis judges leases and delays.
 */
@Injectable()
export class RedisWatch implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger('Redis');
  private readonly loop = new Loop(() => this.look(), LOOK_MS, this.logger);
  /** By primary: Redis' clock less the monotonic clock of this process, ms. */
  private readonly offsets = new Map<string, number>();
  private readonly clockSteps: Counter;
  private found: string | null = null;
  /** The instance that was found last. */
  private instance: string | null = null;
  private readonly onReady = () => void this.loop.run();

  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    @Inject(REDIS_OPTIONS) private readonly access: RedisModuleOptions,
    @Inject(CLUSTER_OPTIONS) private readonly options: ClusterOptions,
    { registry }: Metrics,
  ) {
    this.clockSteps = new Counter({
      name: 'redis_clock_steps_total',
      help: 'Times that the clock of a Redis was seen to have been set, by more than half a second',
      registers: [registry],
    });
  }

  /** Why this Redis cannot keep the promises just now; null when it can. */
  get obstacle(): string | null {
    return this.found;
  }

  onApplicationBootstrap(): void {
    this.loop.start(0);
    this.redis.on('ready', this.onReady);
    this.redis.on('+node', this.onReady);
  }

  async onModuleDestroy(): Promise<void> {
    this.redis.off('ready', this.onReady);
    this.redis.off('+node', this.onReady);
    await this.loop.stop();
  }

  private async look(): Promise<void> {
    if (this.redis.status !== 'ready') return;
    await this.checkAgain();
    if (this.found !== null) return;
    await this.compareInstances();
    const connected = primariesOf(this.redis).filter(({ status }) => status === 'ready');
    try {
      await Promise.all(connected.map((primary) => this.compareClocks(primary)));
    } catch (error) {
      throw storeError(error);
    }
  }

  private async checkAgain(): Promise<void> {
    let obstacle: string | null = null;
    try {
      await checkRedis(this.redis);
    } catch (error) {
      if (!(error instanceof UnsuitableRedis)) throw error;
      obstacle = error.message;
    }
    if (obstacle !== null && obstacle !== this.found) this.logger.error(obstacle);
    if (obstacle === null && this.found !== null) this.logger.log('Redis keeps the promises again');
    this.found = obstacle;
  }

  private async compareInstances(): Promise<void> {
    const { instance } = await describeRedis(this.redis, this.access);
    if (instance === null || instance === this.instance) return;
    const knewAnother = this.instance !== null;
    await noteInstance(this.redis, { role: this.options.role, instance, knewAnother });
    this.instance = instance;
  }

  private async compareClocks(primary: ReturnType<typeof primariesOf>[number]): Promise<void> {
    const name = `${primary.stream.remoteAddress}:${primary.stream.remotePort}`;
    const sentAt = performance.now();
    const [seconds, micros] = (await primary.time()) as unknown as [string, string];
    const receivedAt = performance.now();
    // A slow answer tells nothing.
    if (receivedAt - sentAt > CLOCK_STEP_MS / 2) return;
    const offset = Number(seconds) * 1_000 + Number(micros) / 1_000 - (sentAt + receivedAt) / 2;
    const before = this.offsets.get(name);
    this.offsets.set(name, offset);
    if (before === undefined || Math.abs(offset - before) < CLOCK_STEP_MS) return;
    this.clockSteps.inc();
    const byMs = `${Math.round(Math.abs(offset - before))} ms`;
    this.logger.warn(
      offset > before
        ? `The clock of Redis at ${name} was set forward by ${byMs}: delays, visibility timeouts and TTLs end sooner by as much, leases that living nodes know do not`
        : `The clock of Redis at ${name} was set back by ${byMs}: what ends by time ends later by as much`,
    );
  }
}
