import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Durability } from '@syncline/contracts';
import type { Redis } from 'ioredis';
import type { RedisClient } from '../connection/connection.js';
import { primaryOf } from '../connection/primary.js';
import { runIdOf } from '../connection/run-id.js';
import { tagOf } from '../lua/slot-guard.js';
import { REDIS } from '../redis.token.js';
import { StoreUnavailable } from '../store-unavailable.js';
import { GroupCommit } from './group-commit.js';
import type { SafeLevel } from './not-durable.js';

/** From the moment that a call is sent until it is answered, so that the whole answer is given within 5 s. */
const ANSWER_MS = 4_600;

/** Holds replies of Redis until what they say is as safe as asked for. */
@Injectable()
export class Commits implements OnApplicationShutdown {
  /** By the connection to a primary. */
  private readonly groups = new Map<Redis, Map<SafeLevel, GroupCommit>>();

  constructor(@Inject(REDIS) private readonly redis: RedisClient) {}

  onApplicationShutdown(): void {
    for (const primary of this.groups.keys()) this.forget(primary);
  }

  /**
   * The reply of a call, held until it may be told.
   *
   * @param key one of the keys of the call
   * @param sent the call, sent just now on the connection of the node
   * @param levelOf how safe what a reply says must be
   * @throws what the call fails with
   * @throws StoreUnavailable when it was not confirmed within {@link ANSWER_MS}. The call may be repeated: what it finds
   *         done already is confirmed as well
   */
  async hold<Reply>(
    key: string,
    sent: Promise<Reply>,
    levelOf: (reply: Reply) => Durability,
  ): Promise<Reply> {
    const endsAt = performance.now() + ANSWER_MS;
    const reply = await sent;
    const level = levelOf(reply);
    // No event comes between a reply and this line, so the connection is still the one that brought it.
    if (level !== 'local') await this.confirm(level, key, endsAt);
    return reply;
  }

  /**
   * Resolves when all that Redis replied before this moment is as safe as a level says.
   *
   * @throws StoreUnavailable
   */
  async confirm(level: Durability, key: string, endsAt = performance.now() + ANSWER_MS): Promise<void> {
    if (level === 'local') return;
    const primary = primaryOf(this.redis, key);
    if (primary === undefined) throw new StoreUnavailable('Redis cannot be reached.');
    const runId = await runIdOf(primary).catch((cause: unknown) => {
      throw new StoreUnavailable('Redis cannot be reached.', { cause });
    });
    await this.groupOf(primary, level).join(runId, markOf(key), endsAt);
  }

  private groupOf(primary: Redis, level: SafeLevel): GroupCommit {
    let groups = this.groups.get(primary);
    if (groups === undefined) {
      groups = new Map();
      this.groups.set(primary, groups);
      // A node of a Redis Cluster has left.
      primary.once('end', () => this.forget(primary));
    }
    let group = groups.get(level);
    if (group === undefined) {
      group = new GroupCommit(primary, level);
      groups.set(level, group);
    }
    return group;
  }

  private forget(primary: Redis): void {
    for (const group of this.groups.get(primary)?.values() ?? []) group.close();
    this.groups.delete(primary);
  }
}

/** In the slot of the key: where that has moved, the mark is refused. */
const markOf = (key: string): string => `syncline:{${tagOf(key)}}:mark`;
