import { Inject, Injectable } from '@nestjs/common';
import { REDIS, type RedisClient, SeenNumbers } from '@syncline/redis';
import { HeldReplies } from './held-replies.js';
import * as scripts from './scripts/sessions.js';
import { Shards } from './shards.js';

const MOST_LEASES_SHOWN = 1_000;

/** Sessions in Redis. A session exists in every shard, so that it can hold any name. */
@Injectable()
export class SessionsStore {
  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    private readonly shards: Shards,
    private readonly tokens: SeenNumbers,
    private readonly held: HeldReplies,
  ) {}

  /** Returns when it ends, ms of Redis' clock. */
  async create(sessionId: string, ttlMs: number, owner: string, metadata: object | null): Promise<number> {
    const ends = await this.inEveryShard((shard) =>
      this.held.hold(shard, scripts.createSession(this.redis, { shard, sessionId, ttlMs, owner, metadata })),
    );
    return Math.min(...ends);
  }

  /** Null when it is gone, be it in one shard alone. */
  async keep(sessionId: string): Promise<scripts.StoredKeepAlive | null> {
    const kept = await this.inEveryShard((shard) =>
      this.held.hold(shard, scripts.keepSession(this.redis, { shard, sessionId })),
    );
    const session = earliest(kept);
    return (
      session && {
        ...session,
        leases: kept.reduce((sum, each) => sum + (each?.leases ?? 0), 0),
        lost: kept.flatMap((each) => each?.lost ?? []),
      }
    );
  }

  /** Null when it is gone. */
  async show(sessionId: string): Promise<scripts.ShownSession | null> {
    const shown = await this.inEveryShard((shard) =>
      scripts.showSession(this.redis, {
        shard,
        seen: this.tokens.of(shard),
        sessionId,
        most: MOST_LEASES_SHOWN,
      }),
    );
    const session = earliest(shown);
    const leases = shown.flatMap((each) => each?.leases ?? []).slice(0, MOST_LEASES_SHOWN);
    return session && { ...session, leases };
  }

  /** False when it was gone. */
  async end(sessionId: string): Promise<boolean> {
    const outcomes = await this.inEveryShard(async (shard) => {
      let began = false;
      for (;;) {
        const ended = scripts.endSession(this.redis, { shard, seen: this.tokens.of(shard), sessionId });
        const outcome = await this.held.hold(shard, ended);
        if (outcome !== 'more') return began || outcome === 'ended';
        began = true;
      }
    });
    return outcomes.some(Boolean);
  }

  private inEveryShard<T>(run: (shard: number) => Promise<T>): Promise<T[]> {
    return Promise.all(this.shards.all.map(run));
  }
}

function earliest<T extends { endsAt: number }>(sessions: readonly (T | null)[]): T | null {
  return sessions.reduce((first, each) =>
    first === null || each === null ? null : each.endsAt < first.endsAt ? each : first,
  );
}
