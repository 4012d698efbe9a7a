import { Inject, Injectable } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import { REDIS, type RedisClient, storeError } from '@syncline/redis';
import { ProcessIdentity } from '@syncline/runtime';
import type { CycleStep } from '../lease/lease.errors.js';
import { resourceName } from '../lease/resource.js';
import type { CircleStep, WaitGraph } from '../waiting/wait-graph.js';
import { decodeOwner } from './lease-record.js';
import { processIdOf } from './process-id.js';
import * as scripts from './scripts/deadlocks.js';
import { readCycle } from './scripts/waits.js';
import { ShardCalls } from './shard-calls.js';
import { Shards, shardPrefix } from './shards.js';

/** Most owners that a look follows from shard to shard, and most times that it does. */
const MOST_OWNERS = 1_024;
const MOST_ROUNDS = 16;
/** So many deadlocks are remembered. */
const MOST_RECENT = 50;

/** Looks at the waits of all shards. */
@Injectable()
export class DeadlocksStore {
  private readonly processId: string;

  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    private readonly calls: ShardCalls,
    private readonly shards: Shards,
    membership: Membership,
    identity: ProcessIdentity,
  ) {
    this.processId = processIdOf(membership, identity);
  }

  /** False: what one look finds stood at one moment. */
  get areSeveral(): boolean {
    return this.shards.all.length > 1;
  }

  /**
   * Which of these waits lead back to a lease of their own owner: without one, no circle has a wait as its youngest. One round trip
   * where there is one shard.
   */
  async leadingBack(waits: readonly string[]): Promise<string[]> {
    const here = this.shards.all.map((shard) => waits.filter((id) => this.shards.ofWait(id) === shard));
    const found = new Map<string, readonly string[]>();
    await Promise.all(
      this.shards.all.map(async (shard) => {
        const asked = here[shard] ?? [];
        if (asked.length === 0) return;
        const { ofWaits } = await scripts.reach(this.redis, { shard, waits: asked, owners: [] });
        for (const [i, id] of asked.entries()) found.set(id, ofWaits[i] ?? []);
      }),
    );
    const ledTo = await this.follow([...found.values()].flatMap(([, ...owners]) => owners));
    return waits.filter((id) => {
      const [owner, ...owners] = found.get(id) ?? [];
      return owner !== undefined && leadsTo(owner, owners, ledTo);
    });
  }

  /** All that a wait can depend on. */
  async collect(id: string): Promise<WaitGraph> {
    const waits = new Map<
      string,
      WaitGraph['waits'] extends ReadonlyMap<string, infer Wait> ? Wait : never
    >();
    const waitsOf = new Map<string, Set<string>>();
    const take = (part: Awaited<ReturnType<typeof scripts.collectWaits>>) => {
      for (const [owner = '', ...ids] of part.owners) {
        waitsOf.set(owner, new Set([...(waitsOf.get(owner) ?? []), ...ids]));
      }
      for (const wait of part.waits) waits.set(wait.id, wait);
    };
    const asked = new Set<string>();
    const first = this.shards.ofWait(id);
    take(await scripts.collectWaits(this.redis, { shard: first, wait: id, owners: [] }));
    for (let round = 0; this.areSeveral && round < MOST_ROUNDS; round += 1) {
      const owners = [...waitsOf.keys()].filter((owner) => !asked.has(owner));
      if (owners.length === 0 || asked.size + owners.length > MOST_OWNERS) break;
      for (const owner of owners) asked.add(owner);
      const parts = this.shards.all.map((shard) =>
        scripts.collectWaits(this.redis, { shard, wait: '', owners }),
      );
      for (const part of await Promise.all(parts)) take(part);
    }
    return { waits, waitsOf };
  }

  /** Ends the wait of the first step of a circle. Null: the circle is there no more. */
  async giveUp(circle: readonly CircleStep[]): Promise<CycleStep[] | null> {
    const shard = circle[0]?.wait.shard ?? 0;
    const ended = await this.calls.call(scripts.giveUpWait, { shard, processId: this.processId, circle });
    return ended ? circle.map(toCycleStep) : null;
  }

  /** Requests that wait, the longest first: about `most` at most. */
  async waits(most: number): Promise<scripts.ShownWait[]> {
    const found = await Promise.all(
      this.shards.all.map((shard) => scripts.showWaits(this.redis, { shard, most })),
    );
    return found
      .flat()
      .sort((a, b) => a.since - b.since)
      .slice(0, most);
  }

  /** The last waits that were given up, newest first. `at`: ms of Redis' clock. */
  async recent(): Promise<{ at: number; cycle: CycleStep[] }[]> {
    const kept = await Promise.all(
      this.shards.all.map((shard) => this.redis.lrange(`${shardPrefix(shard)}deadlocks`, 0, -1)),
    ).catch((error: unknown) => {
      throw storeError(error);
    });
    return kept
      .flat()
      .map((text) => {
        const [at = '', ...circle]: string[] = JSON.parse(text);
        return { at: Number(at), cycle: readCycle(circle) };
      })
      .sort((a, b) => b.at - a.at)
      .slice(0, MOST_RECENT);
  }

  /** Owners that owners wait for, over all shards. Where there is one, a look has followed them already. */
  private async follow(owners: readonly string[]): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
    const ledTo = new Map<string, Set<string>>();
    let ask = [...new Set(owners)];
    for (let round = 0; this.areSeveral && ask.length > 0 && round < MOST_ROUNDS; round += 1) {
      if (ledTo.size + ask.length > MOST_OWNERS) break;
      const asked = ask;
      const replies = await Promise.all(
        this.shards.all.map((shard) => scripts.reach(this.redis, { shard, waits: [], owners: asked })),
      );
      for (const [i, owner] of asked.entries()) {
        ledTo.set(owner, new Set(replies.flatMap(({ ofOwners }) => ofOwners[i] ?? [])));
      }
      ask = [...new Set(asked.flatMap((owner) => [...(ledTo.get(owner) ?? [])]))].filter(
        (owner) => !ledTo.has(owner),
      );
    }
    return ledTo;
  }
}

function leadsTo(
  goal: string,
  owners: readonly string[],
  ledTo: ReadonlyMap<string, ReadonlySet<string>>,
): boolean {
  const seen = new Set(owners);
  for (const owner of seen) {
    if (owner === goal) return true;
    for (const next of ledTo.get(owner) ?? []) seen.add(next);
  }
  return false;
}

const toCycleStep = ({ wait, key, heldBy }: CircleStep): CycleStep => ({
  owner: decodeOwner(wait.owner),
  waitsFor: resourceName(key),
  heldBy: decodeOwner(heldBy),
});
