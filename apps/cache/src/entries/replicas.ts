import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { NODE_CONFIG, type NodeConfig } from '@syncline/http';
import { StoreUnavailable } from '@syncline/redis';
import { CacheMetrics } from './cache-metrics.js';
import {
  DEFAULT_NEAR_BYTES,
  FORCE_AFTER_MS,
  IDLE_MS,
  LEASE_MS,
  NODE_NEAR_BYTES,
  RENEW_MS,
} from './coherence.rules.js';
import { EntriesStore } from './entries.store.js';
import { RedisLife } from './redis-life.js';
import { Replica } from './replica.js';
import type { Sharers, StuckRound } from './scripts/coherence.scripts.js';
import { Statistics } from './statistics.js';

/** More caches than this have no near cache on this node; their reads go to Redis. */
const MAX_REPLICAS = 1_000;
const MAX_GIVEN_UP = 500;

/** How this node talks with Redis about one near cache. */
interface Conversation {
  readonly replica: Replica;
  joining: Promise<void> | null;
  renewing: boolean;
  renewAgain: boolean;
  acknowledging: boolean;
  /** Rounds that seem to be stuck, since when this node knows, and who had to acknowledge then. */
  stuck: Map<string, { readonly since: number; readonly sharers: Sharers }>;
}

/** The near caches of this node: joins, renews, carries out invalidations and acknowledges them. */
@Injectable()
export class Replicas implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Replicas.name);
  private readonly conversations = new Map<string, Conversation>();
  private readonly byIncarnation = new Map<string, Conversation>();
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly store: EntriesStore,
    private readonly life: RedisLife,
    private readonly metrics: CacheMetrics,
    private readonly statistics: Statistics,
    @Inject(NODE_CONFIG) private readonly config: NodeConfig,
  ) {}

  onApplicationBootstrap(): void {
    this.life.ended.subscribe(() => {
      for (const conversation of this.conversations.values()) this.forget(conversation);
    });
    this.timer = setInterval(() => this.tick(), RENEW_MS);
  }

  /** Leaves: from here on nobody needs to wait for this node. */
  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    const left = [...this.conversations.values()].map((conversation) => this.leave(conversation));
    await Promise.allSettled(left);
  }

  /** The near cache of a cache; null when it has none here. Joins when it has not. */
  async joined(cache: string): Promise<Replica | null> {
    const conversation = this.conversationOf(cache);
    if (conversation === null) return null;
    if (conversation.replica.incarnation === null && !this.stopped) {
      conversation.joining ??= this.join(conversation).finally(() => {
        conversation.joining = null;
      });
      await conversation.joining;
    }
    return conversation.replica;
  }

  /** The near cache of a cache as it is; null when it has none here. */
  peek(cache: string): Replica | null {
    return this.conversations.get(cache)?.replica ?? null;
  }

  /** A hint from a writer. It may come late, twice, or never. */
  onInvalidated(hint: { to: string; number: number; register: string }): void {
    const conversation = this.byIncarnation.get(hint.to);
    if (conversation === undefined) return;
    const { replica } = conversation;
    if (hint.number <= replica.seen) return;
    if (hint.number > replica.seen + 1) {
      // Something is missing: to acknowledge this one would acknowledge that too.
      this.metrics.gaps.inc();
      void this.renew(conversation);
      return;
    }
    replica.invalidate(hint.register);
    replica.seen = hint.number;
    this.acknowledgeSoon(conversation);
  }

  /** Redis does not count this incarnation among the living: what it holds may be out of date. */
  fence(replica: Replica, incarnation: string): void {
    const conversation = this.conversations.get(replica.cache);
    if (conversation === undefined || replica.incarnation !== incarnation) return;
    this.metrics.fencings.inc();
    void this.leave(conversation);
  }

  private conversationOf(cache: string): Conversation | null {
    let conversation = this.conversations.get(cache);
    if (conversation === undefined) {
      if (!this.life.exists || this.conversations.size >= MAX_REPLICAS) return null;
      conversation = {
        replica: new Replica(cache, (name) => this.statistics.count(cache, name)),
        joining: null,
        renewing: false,
        renewAgain: false,
        acknowledging: false,
        stuck: new Map(),
      };
      this.conversations.set(cache, conversation);
    }
    conversation.replica.usedAt = performance.now();
    return conversation;
  }

  private async join(conversation: Conversation): Promise<void> {
    const { replica } = conversation;
    const sentAt = performance.now();
    const incarnation = replica.newIncarnation(this.config.nodeId);
    const nearBytes = await this.store.join(replica.cache, incarnation);
    if (this.stopped) return;
    replica.incarnation = incarnation;
    this.byIncarnation.set(incarnation, conversation);
    replica.extendLease(sentAt);
    this.resize(replica, nearBytes);
  }

  private forget(conversation: Conversation): void {
    const { replica } = conversation;
    if (replica.incarnation !== null) this.byIncarnation.delete(replica.incarnation);
    replica.reset();
    conversation.stuck.clear();
  }

  private async leave(conversation: Conversation): Promise<void> {
    const { cache, incarnation } = conversation.replica;
    this.forget(conversation);
    if (incarnation === null) return;
    // Not told: then writers wait for it once, no longer than a lease.
    await this.store.leave(cache, incarnation).catch((error: unknown) => this.report(error));
  }

  private tick(): void {
    const now = performance.now();
    for (const [cache, conversation] of this.conversations) {
      if (now - conversation.replica.usedAt > IDLE_MS) {
        this.conversations.delete(cache);
        void this.leave(conversation);
      } else if (conversation.replica.incarnation !== null) {
        void this.renew(conversation);
      }
    }
  }

  /** Renewals asked for while one runs become one more. */
  private async renew(conversation: Conversation): Promise<void> {
    if (conversation.renewing) {
      conversation.renewAgain = true;
      return;
    }
    conversation.renewing = true;
    try {
      do {
        conversation.renewAgain = false;
        await this.renewOnce(conversation);
      } while (conversation.renewAgain);
    } catch (error) {
      this.report(error);
    } finally {
      conversation.renewing = false;
    }
  }

  private async renewOnce(conversation: Conversation): Promise<void> {
    const { replica } = conversation;
    const { cache, incarnation } = replica;
    if (incarnation === null) return;
    const sentAt = performance.now();
    const reply = await this.store.renew(cache, {
      incarnation,
      seen: replica.seen,
      stuckAfterMs: LEASE_MS,
      givenUp: replica.near.takeGivenUp(MAX_GIVEN_UP),
    });
    if (replica.incarnation !== incarnation) return;
    if (reply === null) {
      this.fence(replica, incarnation);
      return;
    }
    // All that was missed is dropped before the lease is extended: so the renewal is an acknowledgement by itself.
    for (const register of reply.registers) replica.invalidate(register);
    const last = reply.first + reply.registers.length - 1;
    if (last > replica.seen) {
      this.metrics.repairs.inc(last - replica.seen);
      replica.seen = last;
      this.acknowledgeSoon(conversation);
    }
    replica.extendLease(sentAt);
    this.resize(replica, reply.nearBytes);
    this.helpStuck(conversation, reply.stuck);
  }

  /** One acknowledgement for all invalidations of a turn. */
  private acknowledgeSoon(conversation: Conversation): void {
    if (conversation.acknowledging) return;
    conversation.acknowledging = true;
    setImmediate(() => {
      conversation.acknowledging = false;
      const { replica } = conversation;
      const { cache, incarnation, seen } = replica;
      if (incarnation === null) return;
      this.store
        .acknowledge(cache, { incarnation, seen })
        .then((alive) => {
          if (!alive) this.fence(replica, incarnation);
        })
        // The next renewal acknowledges too.
        .catch((error: unknown) => this.report(error));
    });
  }

  /** Ends rounds whose writers died: whoever sees one for long enough may. */
  private helpStuck(conversation: Conversation, rounds: readonly StuckRound[]): void {
    const { replica } = conversation;
    const now = performance.now();
    const before = conversation.stuck;
    conversation.stuck = new Map();
    for (const round of rounds) {
      const id = `${round.round} ${round.register}`;
      const { since, sharers } = before.get(id) ?? { since: now, sharers: round.sharers };
      if (now - since < FORCE_AFTER_MS) {
        conversation.stuck.set(id, { since, sharers });
        continue;
      }
      this.metrics.forcedWrites.inc();
      this.store.force(replica.cache, { ...round, sharers }).catch((error: unknown) => this.report(error));
    }
  }

  private resize(replica: Replica, nearBytes: string): void {
    const configured = nearBytes === '' ? DEFAULT_NEAR_BYTES : Number(nearBytes);
    const capacity = Math.min(configured, Math.floor(NODE_NEAR_BYTES / this.conversations.size));
    if (capacity !== replica.capacity) replica.resize(capacity);
  }

  private report(error: unknown): void {
    // The outage has a line of its own.
    if (!(error instanceof StoreUnavailable)) this.logger.error(error);
  }
}
