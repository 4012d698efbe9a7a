import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import {
  type LibraryCommand,
  logUnlessAway,
  REDIS,
  REDIS_OPTIONS,
  type RedisClient,
  type RedisModuleOptions,
  SeenNumbers,
} from '@syncline/redis';
import { Loop } from '@syncline/runtime';
import type { Redis } from 'ioredis';
import { Subject } from 'rxjs';
import { primaryBehind, syncsAlways } from './primary.js';
import { library, type OfPart, type OfShard } from './scripts/library.js';
import { ShardInstance } from './shard-instance.js';
import { type Part, type Shard, Shards } from './shards.js';

/** The processes behind the connections, and how they keep their data, are looked at so often. */
const LOOK_MS = 5_000;

/** The Redis instance of each shard, and the commands that are called in it. */
@Injectable()
export class Instances implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Instances.name);
  private readonly report = logUnlessAway(this.logger);
  private readonly looks = new Loop(() => this.look(), LOOK_MS, this.logger);
  private readonly ends = new Subject<Shard>();
  private readonly all: readonly ShardInstance[];
  private readonly onReady = () => void this.looks.run();

  /** The instance of a shard ended: nothing that Redis was told there before counts any more. */
  readonly ended = this.ends.asObservable();

  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    @Inject(REDIS_OPTIONS) options: RedisModuleOptions,
    versions: SeenNumbers,
    private readonly shards: Shards,
    membership: Membership,
  ) {
    membership.uses(library);
    this.all = shards.all.map(
      (shard) =>
        new ShardInstance(shard, { redis, options, versions }, () => this.ends.next(shard), this.logger),
    );
  }

  /** Finds them while nobody waits for them yet. */
  onApplicationBootstrap(): void {
    this.looks.start(0);
    // Nobody may ask for anything here, and yet this node alone may know the newest version.
    this.redis.on('ready', this.onReady);
  }

  async onModuleDestroy(): Promise<void> {
    this.redis.off('ready', this.onReady);
    await this.looks.stop();
  }

  /** A command of a part of a cache, called in the instance of its shard. @throws StoreUnavailable */
  ofPart<Input extends OfPart, Reply>(command: LibraryCommand<Input, Reply>) {
    return ({ cache, shard }: Part, input: Omit<Input, keyof OfPart>): Promise<Reply> =>
      this.of(shard).callOn(command, cache, input);
  }

  /** The same for a command of an entry, whose key says which part that is. */
  ofEntry<Input extends OfPart & { readonly key: string }, Reply>(command: LibraryCommand<Input, Reply>) {
    return (cache: string, input: Omit<Input, keyof OfPart> & { readonly key: string }): Promise<Reply> =>
      this.of(this.shards.of(cache, input.key)).callOn(command, cache, input);
  }

  /** The same for a command that concerns no single cache. */
  ofShard<Input extends OfShard, Reply>(command: LibraryCommand<Input, Reply>) {
    return (shard: Shard, input: Omit<Input, keyof OfShard>): Promise<Reply> =>
      this.of(shard).call(command, input);
  }

  private of({ index }: Shard): ShardInstance {
    return this.all[index] as ShardInstance;
  }

  /** Each primary is asked once for all of its shards. */
  private async look(): Promise<void> {
    const byPrimary = new Map<Redis | undefined, ShardInstance[]>();
    for (const instance of this.all) {
      const { connection } = instance;
      byPrimary.set(connection, [...(byPrimary.get(connection) ?? []), instance]);
    }
    await Promise.all(
      [...byPrimary].map(([connection, instances]) => this.lookAt(connection, instances).catch(this.report)),
    );
  }

  private async lookAt(connection: Redis | undefined, instances: readonly ShardInstance[]): Promise<void> {
    if (connection?.status !== 'ready') {
      await Promise.all(instances.map((instance) => instance.current()));
      return;
    }
    const behind = await primaryBehind(connection);
    const durable = instances.some(({ isDurable }) => isDurable) && (await syncsAlways(connection));
    await Promise.all(instances.map((instance) => instance.compare(behind, durable)));
  }
}
