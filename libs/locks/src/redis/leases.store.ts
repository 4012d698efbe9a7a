import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import type { Lease } from '@syncline/contracts';
import { pageAfter, REDIS, type RedisClient } from '@syncline/redis';
import type { LeaseRequest } from '../lease/lease.js';
import { Gatherer } from './gatherer.js';
import { type Kind, resourceKey, Shards } from './lease.keys.js';
import * as scripts from './scripts/lease.scripts.js';
import { acquire, release, renew, type Vouched } from './scripts/operations.js';
import type { AcquireReply, ReleaseReply, Shown, TakeUpReply } from './scripts/replies.js';
import { type Reading, watch } from './scripts/watch.scripts.js';

/** Most holders and waiters shown of one name, and of each name in a list. */
const MOST_SHOWN = 1_000;
const MOST_SHOWN_IN_LIST = 100;
/** About how many bytes a page of a list may have. */
const MOST_BYTES_IN_LIST = 6_291_456;

/** Leases in Redis, as typed calls of the scripts. */
@Injectable()
export class LeasesStore {
  readonly shards: Shards;
  /** This process among all that ever had its node id: `lock_manager_1~x7Pq...`. */
  readonly run: string;
  private readonly nodeId: string;
  private readonly operations: Gatherer;

  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    membership: Membership,
  ) {
    this.nodeId = membership.nodeId;
    this.shards = new Shards(redis.isCluster);
    this.run = `${membership.nodeId}~${randomBytes(9).toString('base64url')}`;
    this.operations = new Gatherer(redis, this.run);
  }

  acquire(request: LeaseRequest, claim: string): Promise<AcquireReply> {
    return this.operations.add(request.shard, acquire(request, claim));
  }

  renew(
    shard: number,
    keys: readonly string[],
    leaseId: string,
    ttlMs: number | null,
  ): Promise<Lease[] | null> {
    return this.operations.add(shard, renew(keys, leaseId, ttlMs));
  }

  /** @param vouched requests whose callers this node has on the line just now */
  release(
    shard: number,
    keys: readonly string[],
    leaseId: string,
    vouched: readonly Vouched[] = [],
  ): Promise<ReleaseReply> {
    return this.operations.add(shard, release(keys, leaseId, vouched));
  }

  takeUp(shard: number, id: string, claim: string, leaving: boolean): Promise<TakeUpReply> {
    return scripts.takeUp(this.redis, { shard, run: this.run, id, claim, leaving });
  }

  /** @param returns whether its caller may come back: then it finds its place */
  withdraw(shard: number, id: string, claim: string, returns: boolean): Promise<void> {
    return scripts.withdraw(this.redis, { shard, run: this.run, id, claim, returns });
  }

  inspect(kind: Kind, name: string): Promise<Shown> {
    const shard = this.shards.of(name);
    return scripts.inspect(this.redis, { shard, key: resourceKey(kind, name), most: MOST_SHOWN });
  }

  /**
   * A page of the locks that are held or awaited, in the order of their names.
   *
   * @param cursor name after which the page begins
   */
  async listLocks(prefix: string, cursor: string | undefined, limit: number) {
    const { from, to } = pageAfter(`l/${prefix}`, cursor && `l/${cursor}`);
    const mostBytes = Math.floor(MOST_BYTES_IN_LIST / this.shards.all.length);
    const pages = await Promise.all(
      this.shards.all.map((shard) =>
        scripts.list(this.redis, { shard, from, to, limit, most: MOST_SHOWN_IN_LIST, mostBytes }),
      ),
    );
    // A shard that has more says nothing of the names after its last one, so the page ends there.
    const ends = pages.flatMap((page) => (page.last === null ? [] : [page.last]));
    const end = ends.reduce<string | null>(
      (least, last) => (least === null || last < least ? last : least),
      null,
    );
    const shown = pages
      .flatMap((page) => page.shown)
      .filter((one) => end === null || one.key <= end)
      .sort((a, b) => (a.key < b.key ? -1 : 1));
    const page = shown.slice(0, limit);
    const last = shown.length > limit ? (page.at(-1)?.key ?? null) : end;
    return { shown: page, last };
  }

  async resize(name: string, limit: number): Promise<Shown> {
    const key = resourceKey('semaphore', name);
    const shard = this.shards.of(name);
    return scripts.resize(this.redis, { shard, key, limit, most: MOST_SHOWN });
  }

  async revoke(kind: Kind, name: string, reason: string): Promise<string[]> {
    const input = {
      shard: this.shards.of(name),
      key: resourceKey(kind, name),
      reason,
      nodeId: this.nodeId,
    };
    const revoked: string[] = [];
    for (;;) {
      const { more, leaseIds } = await scripts.revoke(this.redis, input);
      revoked.push(...leaseIds);
      if (!more) return revoked;
    }
  }

  findDeadlock(shard: number, id: string) {
    return scripts.findDeadlock(this.redis, { shard, run: this.run, id });
  }

  /** Says that this node lives; returns what it has to know (see `beat.lua`). */
  beat(shard: number) {
    return scripts.beat(this.redis, { shard, run: this.run });
  }

  /** What happened to names of a shard after the events that are known. */
  readEvents(
    shard: number,
    names: readonly { readonly key: string; readonly after: string | null }[],
  ): Promise<Reading[]> {
    return watch(this.redis, { shard, names });
  }

  heldByNode(shard: number): Promise<string[]> {
    return scripts.heldByNode(this.redis, { shard, run: this.run });
  }
}
