import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import {
  type Lease,
  type ListLocks,
  type Lock,
  type LockPage,
  type Released,
  type Revoked,
  type Semaphore,
  ValidationFailed,
  type Verified,
} from '@syncline/contracts';
import { StoreUnavailable } from '@syncline/redis';
import { ClientDisconnected, type DisconnectSignal } from '@syncline/runtime';
import { type Kind, resourceKey, resourceName } from '../redis/lease.keys.js';
import { LeasesStore } from '../redis/leases.store.js';
import type { AcquireReply, Shown } from '../redis/scripts/replies.js';
import { Heartbeat } from '../waiting/heartbeat.js';
import { type Placed, type WaitEnd, Waits } from '../waiting/waits.js';
import { LeaseLost, LeaseMismatch, LimitMismatch, LockHeld, StoreFull } from './lease.errors.js';
import { inOrder, type LeaseRequest, LOCK_PERMITS, type Wish, waitId } from './lease.js';

/** What a caller asks for, apart from the names. */
export interface LeaseTerms {
  readonly owner: string;
  readonly ttlMs: number;
  readonly waitMs: number;
  readonly leaseId?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** Grants, keeps and ends leases of locks and semaphores. */
@Injectable()
export class LeasesService {
  private claims = 0;

  constructor(
    private readonly store: LeasesStore,
    private readonly waits: Waits,
    private readonly heartbeat: Heartbeat,
  ) {}

  /**
   * Takes leases, all or none, and waits for them up to `waitMs`.
   *
   * @param wishes one for each name; the leases come in the same order
   * @param disconnect aborted when the caller goes away: it then leaves the queue, and keeps nothing
   * @throws LockHeld, WaitTimeout, Deadlock, LimitMismatch, LeaseMismatch, LeaseLost, StoreUnavailable, ShuttingDown
   */
  async acquire(wishes: readonly Wish[], terms: LeaseTerms, disconnect: DisconnectSignal): Promise<Lease[]> {
    const request: LeaseRequest = {
      shard: this.store.shards.ofAll(wishes.map((wish) => resourceName(wish.key))),
      wishes,
      leaseId: terms.leaseId ?? randomUUID(),
      fresh: terms.leaseId === undefined,
      owner: terms.owner,
      ttlMs: terms.ttlMs,
      waitMs: terms.waitMs,
      sessionId: terms.sessionId ?? null,
      metadata: terms.metadata ?? null,
    };
    const leases = await this.obtain(request, disconnect);
    if (wishes.length === 1) return leases;
    const byKey = new Map(inOrder(wishes).map((wish, i) => [wish.key, leases[i]]));
    return wishes.flatMap((wish) => byKey.get(wish.key) ?? []);
  }

  /** Starts the time of leases anew, of all names or of none; without `ttlMs` with the length that they have. */
  async renew(kind: Kind, names: readonly string[], leaseId: string, ttlMs?: number): Promise<Lease[]> {
    const keys = names.map((name) => resourceKey(kind, name));
    const leases = await this.store.renew(this.store.shards.ofAll(names), keys, leaseId, ttlMs ?? null);
    if (leases === null) throw new LeaseLost();
    return leases;
  }

  /** Ends leases. Those of a set that are still held end also when another of them was lost. */
  async release(kind: Kind, names: readonly string[], leaseId: string): Promise<Released> {
    const keys = names.map((name) => resourceKey(kind, name));
    const shard = this.store.shards.ofAll(names);
    const vouched = this.waits.vouchFor(keys);
    const { outcome, served } = await this.store.release(shard, keys, leaseId, vouched);
    for (const { id, leases } of served) {
      const ticket = vouched.find((each) => each.id === id);
      if (ticket === undefined || this.waits.grant(ticket, leases)) continue;
      // Somebody else may have come for the same lease meanwhile; else it goes to the next one.
      if (this.waits.has(id)) void this.heartbeat.heed(shard, id);
      else this.heartbeat.abandon(ticket);
    }
    if (outcome === 'lost') throw new LeaseLost();
    return { released: outcome === 'released' };
  }

  /** Says whether no larger token was granted. A token that nobody can vouch for any more is not valid. */
  async verify(name: string, fencingToken: string): Promise<Verified> {
    const { currentToken } = await this.store.inspect('lock', name);
    return { valid: currentToken !== null && BigInt(fencingToken) >= BigInt(currentToken), currentToken };
  }

  async describeLock(name: string): Promise<Lock> {
    return toLock(await this.store.inspect('lock', name));
  }

  async listLocks({ prefix, cursor, limit }: ListLocks): Promise<LockPage> {
    const { shown, last } = await this.store.listLocks(prefix, cursor, limit);
    return { locks: shown.map(toLock), cursor: last === null ? null : resourceName(last) };
  }

  /** Takes a lock or a semaphore away from its holders, and forgets its configuration; whoever waits for it is served. */
  async revoke(kind: Kind, name: string, reason: string): Promise<Revoked> {
    return { revoked: await this.store.revoke(kind, name, reason) };
  }

  async describeSemaphore(name: string): Promise<Semaphore> {
    return toSemaphore(await this.store.inspect('semaphore', name));
  }

  /** Configures the limit of a semaphore. It holds for the next grants, also when more permits are taken just now. */
  async resize(name: string, limit: number): Promise<Semaphore> {
    return toSemaphore(await this.store.resize(name, limit));
  }

  private async obtain(request: LeaseRequest, disconnect: DisconnectSignal): Promise<Lease[]> {
    const deadline = performance.now() + request.waitMs;
    for (let left = request.waitMs; ; left = Math.max(0, Math.ceil(deadline - performance.now()))) {
      const end = await this.attempt({ ...request, waitMs: left }, disconnect);
      // Served, but this node was too slow to take it up: it asks again, for the rest of the time.
      if (end !== 'lost') return end.leases;
    }
  }

  private async attempt(request: LeaseRequest, disconnect: DisconnectSignal): Promise<WaitEnd> {
    const { shard, leaseId, waitMs, fresh } = request;
    const id = waitId(
      leaseId,
      inOrder(request.wishes).map((wish) => wish.key),
    );
    this.claims += 1;
    const placed: Placed = { shard, id, claim: `${this.store.run}.${this.claims}`, returns: !fresh };
    if (waitMs === 0)
      return this.keepOnlyIfTold(await this.tryOnce(request, placed), request, placed, disconnect);

    const ticket = this.waits.enter(placed);
    try {
      const reply = await this.tryOnce(request, placed);
      if (reply.outcome !== 'waiting') return this.keepOnlyIfTold(reply, request, placed, disconnect);
      if (reply.nextEndMs !== null) this.heartbeat.expectEnd(reply.nextEndMs);
      const end = await this.waits.park(ticket, waitMs, disconnect);
      if (end === 'lost') return end;
      return this.keepOnlyIfTold({ outcome: 'granted', leases: end.leases }, request, placed, disconnect);
    } catch (error) {
      const last = this.waits.remove(ticket);
      if (last && error instanceof ClientDisconnected) this.heartbeat.abandon(placed);
      if (last && error instanceof StoreUnavailable) this.heartbeat.abandonLater(placed);
      throw error;
    } finally {
      this.waits.remove(ticket);
    }
  }

  /**
   * A caller that is gone cannot be told of its lease, so it does not keep it: also when it goes before its answer has
   * left, which in a batch is when the last operation has ended.
   */
  private keepOnlyIfTold(
    reply: AcquireReply,
    request: LeaseRequest,
    placed: Placed,
    disconnect: DisconnectSignal,
  ): WaitEnd {
    if (reply.outcome !== 'granted') throw refusal(reply, request);
    const giveBack = () => this.heartbeat.abandon(placed);
    if (disconnect.aborted) {
      giveBack();
      throw disconnect.reason;
    }
    disconnect.addEventListener('abort', giveBack);
    return { leases: reply.leases };
  }

  private async tryOnce(request: LeaseRequest, placed: Placed): Promise<AcquireReply> {
    try {
      return await this.store.acquire(request, placed.claim);
    } catch (error) {
      if (error instanceof StoreUnavailable) this.heartbeat.abandonLater(placed);
      throw error;
    }
  }
}

function refusal(reply: Exclude<AcquireReply, { outcome: 'granted' }>, request: LeaseRequest): Error {
  switch (reply.outcome) {
    case 'held':
      return new LockHeld(reply.holders, reply.waiters);
    case 'limit':
      return new LimitMismatch(reply.limit);
    case 'over':
      return new ValidationFailed([
        { path: 'permits', message: `expected at most the limit, ${reply.limit}` },
      ]);
    case 'full':
      return new StoreFull();
    case 'no-limit':
      return new ValidationFailed([
        { path: 'limit', message: 'expected a limit: the semaphore has none yet' },
      ]);
    case 'session':
      return new LeaseLost(`The session ${request.sessionId} is gone.`);
    case 'mismatch':
      return new LeaseMismatch();
    case 'spent':
      return new LeaseLost();
    case 'waiting':
      return new Error('A request that does not wait was put into the queue.');
  }
}

function toLock({ key, holders, waiters, currentToken }: Shown): Lock {
  const mode = holders[0]?.mode ?? 'free';
  return { name: resourceName(key), mode, holders, waiters, currentToken };
}

const toSemaphore = (shown: Shown): Semaphore => ({
  ...toLock(shown),
  limit: shown.limit === 0 ? null : shown.limit,
  used: shown.used,
});

export const lockWish = (name: string, mode: 'exclusive' | 'shared'): Wish => ({
  key: resourceKey('lock', name),
  permits: mode === 'exclusive' ? LOCK_PERMITS : 1,
  limit: LOCK_PERMITS,
});
