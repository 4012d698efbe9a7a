import { Inject, Injectable, Logger } from '@nestjs/common';
import { Membership, Openings, RecentMembers } from '@syncline/cluster';
import {
  type LibraryCommand,
  logUnlessAway,
  REDIS,
  type RedisClient,
  SeenNumbers,
  StoreUnavailable,
} from '@syncline/redis';
import { ProcessIdentity } from '@syncline/runtime';
import { Memory } from '../recovery/memory.js';
import type { Reading } from './clock-reading.js';
import { processIdOf } from './process-id.js';
import { assertKnowledge, type Item, itemsOf } from './scripts/assertion.js';
import type { InShard } from './scripts/lock-command.js';

/** Most items of one assertion: a millisecond or two of Redis. */
const PORTION = 100;
/** A call waits so long for a shard to open: longer than an instance takes (`instance.lua`). */
const OPENS_WITHIN_MS = 2_500;

/**
 * Calls in a shard. Where Redis is a new instance nothing runs, until the nodes have asserted what they know: then this node does
 * so, and the call is sent again when the instance is open.
 */
@Injectable()
export class ShardCalls {
  private readonly openings = new Openings<number>((shard) => this.open(shard));
  /** Shards that this node knew before, and the instance of each as it was found last; null when that may be another one now. */
  private readonly known = new Map<number, Reading | null>();
  /** When each shard was called last, but for beats, by the monotonic clock, ms. */
  private readonly calledAt = new Map<number, number>();
  private readonly processId: string;
  private readonly report = logUnlessAway(new Logger(ShardCalls.name));

  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    private readonly tokens: SeenNumbers,
    private readonly memory: Memory,
    private readonly members: RecentMembers,
    private readonly membership: Membership,
    identity: ProcessIdentity,
  ) {
    this.processId = processIdOf(membership, identity);
  }

  /** @throws StoreUnavailable */
  call<Input extends InShard, Reply>(
    command: LibraryCommand<Input, Reply>,
    input: Omit<Input, 'seen'>,
  ): Promise<Reply> {
    const { shard } = input as unknown as InShard;
    return this.beat((redis, whole: Input) => {
      this.calledAt.set(shard, performance.now());
      return command(redis, whole);
    }, input);
  }

  /** Whether anything but a beat was sent there since. @param at by `performance.now()` */
  isCalledSince(shard: number, at: number): boolean {
    return (this.calledAt.get(shard) ?? Number.NEGATIVE_INFINITY) >= at;
  }

  /** A call that shows no interest in the shard. @throws StoreUnavailable */
  async beat<Input extends InShard, Reply>(
    command: LibraryCommand<Input, Reply>,
    input: Omit<Input, 'seen'>,
  ): Promise<Reply> {
    const { shard } = input as unknown as InShard;
    const reply = await this.openings.call(shard, () =>
      command(this.redis, { ...input, seen: this.tokens.of(shard) } as unknown as Input),
    );
    if (!this.known.has(shard)) this.known.set(shard, null);
    return reply;
  }

  /** Resolves when the shard is open; asserts what this node knows. */
  opened(shard: number): Promise<void> {
    return this.openings.opened(shard);
  }

  /** A shard is in an instance. Where that opened without this node, what it knows is asserted late: as far as nobody else was served. */
  found(shard: number, { instance, redisMs, at }: Reading): void {
    const now = { instance, redisMs, at };
    const before = this.known.get(shard) ?? now;
    if (before.instance === instance) this.known.set(shard, now);
    else this.opened(shard).catch(this.report);
  }

  /** A hint: the shard is open. */
  onOpened(shard: number): void {
    this.openings.onOpened(shard);
  }

  private async open(shard: number): Promise<void> {
    const deadline = performance.now() + OPENS_WITHIN_MS;
    while (!(await this.tell(shard, deadline)));
  }

  /**
   * Tells the instance what this node knows by now: more, perhaps, than an instance before, which may have opened and granted while
   * this node still waited for that.
   *
   * @returns true when the shard is open, false when it is in another instance
   */
  private async tell(shard: number, deadline: number): Promise<boolean> {
    const before = this.known.get(shard) ?? null;
    const knewIt = this.known.has(shard);
    const portions = this.portions(shard);
    for (let i = 0, into = ''; ; i += 1) {
      const last = i >= portions.length - 1;
      const { leftMs, instance, wentOn } = await assertKnowledge(this.redis, {
        shard,
        seen: this.tokens.of(shard),
        nodeId: this.membership.nodeId,
        items: portions[i] ?? [],
        last,
        knewIt,
        instance: into,
        before,
        members: this.members.nodeIds,
      });
      if (wentOn) return true;
      if (knewIt) this.known.set(shard, null);
      if (leftMs !== 0 && performance.now() > deadline) throw new StoreUnavailable('Redis does not open.');
      if (leftMs < 0) return false;
      into = instance;
      if (!last) continue;
      if (leftMs === 0) return true;
      await this.openings.wait(shard, leftMs);
    }
  }

  /** What this node knows. The first portion is empty: where only nobody reached Redis for a while there is nothing to assert. */
  private portions(shard: number): Item[][] {
    const items = itemsOf(this.memory.of(shard).recall(), this.processId);
    const portions: Item[][] = [[]];
    for (let at = 0; at < items.length; at += PORTION) portions.push(items.slice(at, at + PORTION));
    return portions;
  }
}
