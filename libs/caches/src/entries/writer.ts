import { Injectable } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import type { CacheConfig } from '@syncline/contracts';
import { PendingWrites } from '../coherence/pending-writes.js';
import { Replicas } from '../coherence/replicas.js';
import { CachesStore } from '../redis/caches.store.js';
import type { EntryOperation, Operation } from '../redis/operations.js';
import * as operations from '../redis/operations.js';
import { type Part, Shards } from '../redis/shards.js';
import { WritesStore } from '../redis/writes.store.js';
import { Statistics } from '../statistics/statistics.js';
import { EntryBytes } from './entry-bytes.js';

/** Sends writes: done in one round trip when no other near cache holds the register, else after all dropped it. */
@Injectable()
export class Writer {
  constructor(
    private readonly store: WritesStore,
    private readonly caches: CachesStore,
    private readonly shards: Shards,
    private readonly replicas: Replicas,
    private readonly pendingWrites: PendingWrites,
    private readonly statistics: Statistics,
    private readonly membership: Membership,
    private readonly bytes: EntryBytes,
  ) {}

  /**
   * Writes an entry.
   *
   * @param requestId chosen by the caller: the same id again is the same write, for a minute
   * @throws StoreUnavailable when the outcome is unknown
   * @throws Problem when the write was refused, as its operation says; `rate-limited` when its tenant has as many bytes as it may
   */
  async write<Result>(cache: string, operation: EntryOperation<Result>, requestId?: string): Promise<Result> {
    const shard = this.shards.of(cache, operation.key);
    const outcome = await this.writeIn({ cache, shard }, operation, requestId);
    // Not before: what a cache counts that does not exist is dropped.
    this.statistics.count(cache, 'writes');
    return operation.decode(outcome);
  }

  /**
   * Writes what concerns a cache as a whole: in each part of it, at the same time but not as one. When one of them fails the
   * others may be done, and the same write again does no harm.
   *
   * @returns a result for each part
   * @throws StoreUnavailable
   */
  async writeAll<Result>(cache: string, operation: Operation<Result>): Promise<Result[]> {
    const outcomes = await Promise.all(
      this.shards.partsOf(cache).map((part) => this.writeIn(part, operation)),
    );
    this.statistics.count(cache, 'writes');
    return outcomes.map(operation.decode);
  }

  /** Configures a cache, the home first: what that says in the end holds in all parts, though others configure it, too. */
  async configure(cache: string, config: CacheConfig): Promise<void> {
    const [home, ...others] = this.shards.partsOf(cache) as [Part, ...Part[]];
    await this.writeIn(home, operations.configure(config));
    if (others.length > 0) await this.follow(cache, others);
    this.statistics.count(cache, 'writes');
  }

  /** Removes a cache, the home first: whoever makes a part after it was dropped meets another home. */
  async drop(cache: string): Promise<void> {
    const [home, ...others] = this.shards.partsOf(cache) as [Part, ...Part[]];
    await this.writeIn(home, operations.drop());
    await Promise.all(others.map((part) => this.writeIn(part, operations.drop())));
    this.statistics.count(cache, 'writes');
  }

  /** Configures parts like the home, which is made when it is not there; and again, when that was changed meanwhile. */
  private async follow(cache: string, parts: readonly Part[]): Promise<void> {
    for (let before: string | undefined; ; ) {
      const configuration = await this.caches.configurationAtHome(cache);
      if (configuration === before) return;
      const operation = operations.configureLike(configuration);
      await Promise.all(parts.map((part) => this.writeIn(part, operation)));
      before = configuration;
    }
  }

  private async writeIn(
    part: Part,
    operation: Operation<unknown>,
    requestId?: string,
  ): Promise<readonly string[]> {
    const isHome = part.shard === this.shards.home(part.cache).shard;
    const outcome = await this.send(part, operation, requestId, isHome);
    if (outcome !== null) return outcome;
    await this.follow(part.cache, [part]);
    return (await this.send(part, operation, requestId, true)) ?? [];
  }

  private send(
    part: Part,
    operation: Operation<unknown>,
    requestId: string | undefined,
    makes: boolean,
  ): Promise<readonly string[] | null> {
    const tenant = this.bytes.boundsOf(part.cache, operation);
    return tenant === undefined
      ? this.sendNow(part, operation, requestId, makes)
      : this.bytes.within(tenant, operation, (bounded) => this.sendNow(part, bounded, requestId, makes));
  }

  private sendNow(
    part: Part,
    operation: Operation<unknown>,
    requestId: string | undefined,
    makes: boolean,
  ): Promise<readonly string[] | null> {
    const { register, key } = operation;
    const id = requestId === undefined ? this.pendingWrites.newId() : `${register}:${requestId}`;
    return this.pendingWrites.run(part, id, () => {
      // In one turn: this node drops what it holds of the entry and will not keep what it is fetching under numbers up to
      // `lastFill`; only that excuses it from acknowledging its own write. Of other registers it drops nothing beforehand.
      const replica = key === null ? null : this.replicas.in(part.shard.index).replica;
      if (key !== null) replica?.drop(part.cache, key);
      return this.store.prepare(part, {
        ...{ id, operation, makes },
        node: this.membership.nodeId,
        incarnation: replica?.incarnation ?? '',
        lastFill: replica?.lastFill ?? 0,
        remembered: requestId !== undefined,
      });
    });
  }
}
