import { Injectable } from '@nestjs/common';
import type { PageStart } from '@syncline/redis';
import type { KeptSession } from '../recovery/kept.js';
import { Memory } from '../recovery/memory.js';
import { HeldReplies } from './held-replies.js';
import { encodeMetadata, encodeOwner } from './lease-record.js';
import * as scripts from './scripts/sessions.js';
import { ShardCalls } from './shard-calls.js';
import { Shards } from './shards.js';

const MOST_LEASES_SHOWN = 1_000;

/** Sessions in Redis. A session exists in every shard, so that it can hold any name. */
@Injectable()
export class SessionsStore {
  constructor(
    private readonly calls: ShardCalls,
    private readonly shards: Shards,
    private readonly memory: Memory,
    private readonly held: HeldReplies,
  ) {}

  /** Returns when it ends, ms of Redis' clock. */
  async create(sessionId: string, ttlMs: number, owner: string, metadata: object | null): Promise<number> {
    const sentAt = performance.now();
    const ends = await this.inEveryShard((shard) =>
      this.held.hold(
        shard,
        this.calls.call(scripts.createSession, { shard, sessionId, ttlMs, owner, metadata }),
      ),
    );
    const kept = { owner: encodeOwner(owner, sessionId), metadata: encodeMetadata(metadata) };
    this.remember({ sessionId, ttlMs, ...kept, until: sentAt + ttlMs });
    return Math.min(...ends);
  }

  /** Null when it is gone, be it in one shard alone. */
  async keep(sessionId: string): Promise<Omit<scripts.StoredKeepAlive, 'metadata'> | null> {
    const sentAt = performance.now();
    const kept = await this.inEveryShard((shard) =>
      this.held.hold(shard, this.calls.call(scripts.keepSession, { shard, sessionId })),
    );
    const session = earliest(kept);
    if (session === null) {
      this.ended(sessionId);
      return null;
    }
    const { metadata, ...facts } = session;
    const { ttlMs } = session;
    this.remember({
      sessionId,
      ttlMs,
      owner: encodeOwner(session.owner, sessionId),
      metadata,
      until: sentAt + ttlMs,
    });
    return {
      ...facts,
      leases: kept.reduce((sum, each) => sum + (each?.leases ?? 0), 0),
      lost: kept.flatMap((each) => each?.lost ?? []),
    };
  }

  /** Null when it is gone. */
  async show(sessionId: string): Promise<scripts.ShownSession | null> {
    const shown = await this.inEveryShard((shard) =>
      this.calls.call(scripts.showSession, {
        shard,
        sessionId,
        most: MOST_LEASES_SHOWN,
      }),
    );
    const session = earliest(shown);
    const leases = shown.flatMap((each) => each?.leases ?? []).slice(0, MOST_LEASES_SHOWN);
    return session && { ...session, leases };
  }

  /** A page of the sessions of a realm, in no order. They are in every shard, so any one will do. */
  list(page: PageStart & scripts.SessionsQuery) {
    return this.calls.call(scripts.listSessions, { shard: 0, ...page });
  }

  /** False when it was gone. */
  async end(sessionId: string): Promise<boolean> {
    const outcomes = await this.inEveryShard(async (shard) => {
      let began = false;
      for (;;) {
        const ended = this.calls.call(scripts.endSession, { shard, sessionId });
        const outcome = await this.held.hold(shard, ended);
        if (outcome !== 'more') return began || outcome === 'ended';
        began = true;
      }
    });
    this.ended(sessionId);
    return outcomes.some(Boolean);
  }

  private remember(session: KeptSession): void {
    for (const shard of this.shards.all) this.memory.of(shard).keepSession(session);
  }

  private ended(sessionId: string): void {
    for (const shard of this.shards.all) this.memory.of(shard).endSession(sessionId);
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
