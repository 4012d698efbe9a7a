import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { EventLog } from '@syncline/cluster';
import type { Lease, Released } from '@syncline/contracts';
import { StoreUnavailable } from '@syncline/redis';
import { ClientDisconnected, type DisconnectSignal } from '@syncline/runtime';
import { HeldReplies } from '../redis/held-replies.js';
import { LeasesStore } from '../redis/leases.store.js';
import type { AcquireReply } from '../redis/scripts/operations.js';
import { AbandonedRequests } from '../waiting/abandoned-requests.js';
import { Heartbeat } from '../waiting/heartbeat.js';
import type { Ticket } from '../waiting/ticket.js';
import { type Served, Waits } from '../waiting/waits.js';
import { type Grant, inOrder, type LeaseRequest, type LeaseTerms, type ResourceRequest } from './lease.js';
import { LockMetrics } from './lock-metrics.js';
import { errorOf } from './refusal.js';
import { type Kind, kindOf, resourceKey, resourceName } from './resource.js';

/** Grants, keeps and ends leases of locks and semaphores. */
@Injectable()
export class LeasesService {
  constructor(
    private readonly store: LeasesStore,
    private readonly held: HeldReplies,
    private readonly waits: Waits,
    private readonly abandoned: AbandonedRequests,
    private readonly heartbeat: Heartbeat,
    private readonly events: EventLog,
    private readonly metrics: LockMetrics,
  ) {}

  /**
   * Takes leases, all or none, and waits for them up to `waitMs`.
   *
   * @param resources of one kind, each once; the leases come in the same order
   * @param disconnect aborted when the client goes away: the request then leaves the queue, and keeps nothing
   * @throws LockHeld, WaitTimeout, Deadlock, LimitMismatch, LeaseMismatch, LeaseLost, StoreUnavailable, ShuttingDown
   */
  async acquire(
    resources: readonly ResourceRequest[],
    terms: LeaseTerms,
    disconnect: DisconnectSignal,
  ): Promise<Lease[]> {
    const request: LeaseRequest = {
      resources: inOrder(resources),
      leaseId: terms.leaseId ?? randomUUID(),
      leaseIdIsNew: terms.leaseId === undefined,
      owner: terms.owner,
      ttlMs: terms.ttlMs,
      waitMs: terms.waitMs,
      sessionId: terms.sessionId ?? null,
      metadata: terms.metadata ?? null,
    };
    const deadline = performance.now() + request.waitMs;
    const leftMs = () => Math.max(0, Math.ceil(deadline - performance.now()));
    for (let asked = request; ; asked = { ...request, waitMs: leftMs() }) {
      const leases = await this.attempt(asked, disconnect);
      if (leases !== null) {
        this.metrics.granted(leases);
        return this.told(inOrderOf(resources, leases));
      }
    }
  }

  /** Renews leases, of all names or of none; without `ttlMs` for as long as before. */
  async renew(kind: Kind, names: readonly string[], leaseId: string, ttlMs?: number): Promise<Lease[]> {
    const keys = names.map((name) => resourceKey(kind, name));
    const reply = await this.store.renew(keys, leaseId, ttlMs ?? null);
    if (reply.outcome === 'lost') throw errorOf(reply);
    return this.told(reply.leases);
  }

  /** Ends leases. Those of a set that are still held end also when another of them was lost. */
  async release(kind: Kind, names: readonly string[], leaseId: string): Promise<Released> {
    const keys = names.map((name) => resourceKey(kind, name));
    const localWaiters = this.waits.localWaiters(keys);
    const { outcome, served } = await this.store.release(
      keys,
      leaseId,
      localWaiters.map(({ ticket }) => ticket),
    );
    for (const { id, leases } of served) {
      const request = localWaiters.find(({ ticket }) => ticket.id === id);
      if (request) this.waits.deliver(request, leases);
    }
    if (outcome === 'lost') throw errorOf({ outcome });
    return this.held.told({ released: outcome === 'released' });
  }

  private told(leases: readonly Grant[]): Lease[] {
    return leases.map((lease) => this.held.told(lease));
  }

  private async attempt(request: LeaseRequest, disconnect: DisconnectSignal): Promise<Served> {
    const ticket = this.store.ticketFor(request);
    const leases =
      request.waitMs === 0
        ? granted(await this.ask(request, ticket))
        : await this.askAndWait(request, ticket, disconnect);
    if (leases !== null) this.keepOnlyIfTold(ticket, disconnect);
    return leases;
  }

  private async askAndWait(
    request: LeaseRequest,
    ticket: Ticket,
    disconnect: DisconnectSignal,
  ): Promise<Served> {
    const waiting = this.waits.enter(ticket);
    try {
      const reply = await this.ask(request, ticket);
      if (reply.outcome !== 'waiting') return granted(reply);
      if (reply.nextEndMs !== null) this.heartbeat.expectEnd(ticket.shard, reply.nextEndMs);
      const served = await this.waits.park(waiting, request.waitMs, disconnect);
      if (served !== null) this.tellOfGrants(request, served);
      return served;
    } catch (error) {
      const last = this.waits.leave(waiting);
      if (last && error instanceof ClientDisconnected) this.abandoned.giveUp(ticket);
      if (last && error instanceof StoreUnavailable) this.abandoned.giveUpLater(ticket);
      throw error;
    } finally {
      this.waits.leave(waiting);
    }
  }

  private tellOfGrants({ resources: [first], owner }: LeaseRequest, leases: readonly Grant[]): void {
    const kind = kindOf(first?.key ?? '');
    for (const { name, fencingToken, waitedMs } of leases) {
      this.events.append({ type: 'granted', name, kind, owner, fencingToken, waitedMs });
    }
  }

  private async ask(request: LeaseRequest, ticket: Ticket): Promise<AcquireReply> {
    try {
      return await this.store.acquire(request, ticket);
    } catch (error) {
      if (error instanceof StoreUnavailable) this.abandoned.giveUpLater(ticket);
      throw error;
    }
  }

  /**
   * A client that is gone cannot be told of its lease, so it does not keep it: also when it goes before its answer has
   * left, which in a batch is when the last operation has ended.
   */
  private keepOnlyIfTold(ticket: Ticket, disconnect: DisconnectSignal): void {
    const giveBack = () => this.abandoned.giveUp(ticket);
    if (disconnect.aborted) {
      giveBack();
      throw disconnect.reason;
    }
    disconnect.addEventListener('abort', giveBack);
  }
}

function inOrderOf(resources: readonly ResourceRequest[], leases: Grant[]): Grant[] {
  if (leases.length === 1) return leases;
  const byName = new Map(leases.map((lease) => [lease.name, lease]));
  return resources.flatMap(({ key }) => byName.get(resourceName(key)) ?? []);
}

function granted(reply: AcquireReply): Grant[] {
  if (reply.outcome === 'granted') return reply.leases;
  if (reply.outcome === 'waiting') throw new Error('A request that does not wait was put into the queue.');
  throw errorOf(reply);
}
