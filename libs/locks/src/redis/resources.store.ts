import { Injectable } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import type { ListLocks } from '@syncline/contracts';
import { pageAfter } from '@syncline/redis';
import { type Kind, resourceKey } from '../lease/resource.js';
import { Memory } from '../recovery/memory.js';
import { HeldReplies } from './held-replies.js';
import * as scripts from './scripts/resources.js';
import { ShardCalls } from './shard-calls.js';
import { Shards } from './shards.js';

/** Most holders and waiters shown of one resource, and of each resource in a list. */
const MOST_SHOWN = 1_000;
const MOST_SHOWN_IN_LIST = 100;
/** About how many bytes a page of a list may have. */
const MOST_BYTES_IN_LIST = 6_291_456;

/** Locks and semaphores in Redis, as a whole. */
@Injectable()
export class ResourcesStore {
  constructor(
    private readonly calls: ShardCalls,
    private readonly shards: Shards,
    private readonly memory: Memory,
    private readonly held: HeldReplies,
    private readonly membership: Membership,
  ) {}

  inspect(key: string): Promise<scripts.ResourceState> {
    return this.calls.call(scripts.inspect, { ...this.placeOf(key), most: MOST_SHOWN });
  }

  /**
   * A page of the locks or semaphores that are held or awaited, or of those that are awaited, in the order of their names.
   *
   * @returns `last`: the key after which the next page begins, null at the end
   */
  async list(
    kind: Kind,
    { prefix, cursor, limit, awaited }: ListLocks,
  ): Promise<{ states: scripts.ResourceState[]; last: string | null }> {
    const { from, to } = pageAfter(resourceKey(kind, prefix), cursor && resourceKey(kind, cursor));
    const mostBytes = Math.floor(MOST_BYTES_IN_LIST / this.shards.all.length);
    const pages = await Promise.all(
      this.shards.all.map((shard) =>
        this.calls.call(scripts.list, {
          shard,
          from,
          to,
          limit,
          awaited,
          most: MOST_SHOWN_IN_LIST,
          mostBytes,
        }),
      ),
    );
    // A shard that has more says nothing of the names after its last one, so the page ends there.
    const ends = pages.flatMap((page) => (page.last === null ? [] : [page.last]));
    const end = ends.reduce<string | null>(
      (least, last) => (least === null || last < least ? last : least),
      null,
    );
    const shown = pages
      .flatMap((page) => page.states)
      .filter((state) => end === null || state.key <= end)
      .sort((a, b) => (a.key < b.key ? -1 : 1));
    const states = shown.slice(0, limit);
    return { states, last: shown.length > limit ? (states.at(-1)?.key ?? null) : end };
  }

  resize(key: string, limit: number): Promise<scripts.ResourceState> {
    const place = this.placeOf(key);
    const sent = this.calls.call(scripts.resize, { ...place, limit, most: MOST_SHOWN });
    return this.held.hold(place.shard, sent);
  }

  /** Returns the ids of the leases that were taken away. */
  async revoke(key: string, reason: string): Promise<string[]> {
    const input = { ...this.placeOf(key), reason, nodeId: this.membership.nodeId };
    const revoked: string[] = [];
    for (;;) {
      const { more, leaseIds } = await this.held.hold(input.shard, this.calls.call(scripts.revoke, input));
      revoked.push(...leaseIds);
      this.memory.ended(
        input.shard,
        leaseIds.map((leaseId) => ({ key, leaseId })),
      );
      if (!more) return revoked;
    }
  }

  private placeOf(key: string) {
    const shard = this.shards.of(key);
    return { key, shard };
  }
}
