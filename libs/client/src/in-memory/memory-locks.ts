import type { Cluster, Lease, LeaseSet, Lock, Verified } from '@syncline/contracts';
import { clock } from '../clock.js';
import { LeaseLostError, LockHeldError, WaitTimeoutError } from '../errors.js';
import type {
  CallLimits,
  HeldSet,
  LeaseRequest,
  LockPort,
  LockRequest,
  PermitRequest,
  SetRequest,
  Timed,
  Wait,
} from '../locks/lock-port.js';

/** One name of a request. A lock has no limit. */
interface Wish {
  readonly name: string;
  readonly mode: 'exclusive' | 'shared';
  readonly permits: number;
  readonly limit?: number | undefined;
}

interface Held {
  leases: readonly Lease[];
  readonly expiry: NodeJS.Timeout;
}

interface Waiting {
  readonly request: LeaseRequest;
  readonly wishes: readonly Wish[];
  readonly since: number;
  readonly grant: (leases: readonly Lease[]) => void;
}

/** Locks and semaphores of one process: one at a time, first come first served, with TTLs. No sessions and no events. */
export class MemoryLocks implements Partial<LockPort> {
  readonly timeoutMs = 10_000;
  isClosed = false;
  private readonly held = new Map<string, Held>();
  private readonly line = new Set<Waiting>();
  private readonly limits = new Map<string, number>();
  private token = 0;

  async acquireLock(name: string, request: LockRequest, wait: Wait): Promise<Timed<Lease>> {
    const wish = { name, mode: request.mode ?? 'exclusive', permits: 1 } as const;
    return this.first(this.acquire(request, [wish], wait));
  }

  async acquirePermits(name: string, request: PermitRequest, wait: Wait): Promise<Timed<Lease>> {
    const limit = this.limits.get(name) ?? request.limit ?? 1;
    this.limits.set(name, limit);
    const wish = { name, mode: 'exclusive', permits: request.permits ?? 1, limit } as const;
    return this.first(this.acquire(request, [wish], wait));
  }

  async acquireSet({ locks, ...request }: SetRequest, wait: Wait): Promise<Timed<LeaseSet>> {
    const wishes = locks.map(({ name, mode = 'exclusive' }) => ({ name, mode, permits: 1 }));
    return this.set(request.leaseId, this.acquire(request, wishes, wait));
  }

  async renewLock(_: string, leaseId: string, ttlMs: number, __: CallLimits): Promise<Timed<Lease>> {
    return this.first(this.renew(leaseId, ttlMs));
  }

  renewPermits(name: string, leaseId: string, ttlMs: number, limits: CallLimits): Promise<Timed<Lease>> {
    return this.renewLock(name, leaseId, ttlMs, limits);
  }

  async renewSet({ leaseId }: HeldSet, ttlMs: number): Promise<Timed<LeaseSet>> {
    return this.set(leaseId, this.renew(leaseId, ttlMs));
  }

  async releaseLock(_: string, leaseId: string): Promise<void> {
    if (!this.end(leaseId)) throw lost();
  }

  releasePermits(name: string, leaseId: string): Promise<void> {
    return this.releaseLock(name, leaseId);
  }

  releaseSet({ leaseId, names }: HeldSet): Promise<void> {
    return this.releaseLock(names[0] ?? '', leaseId);
  }

  async revokeLock(name: string): Promise<readonly string[]> {
    const revoked = this.leasesOf(name, false).map(({ leaseId }) => leaseId);
    for (const leaseId of revoked) this.end(leaseId);
    return revoked;
  }

  async describeLock(name: string): Promise<Lock> {
    const holders = this.leasesOf(name, false);
    const waiting = [...this.line].filter(({ wishes }) => wishes.some((wish) => wish.name === name));
    return {
      name,
      mode: holders[0]?.mode ?? 'free',
      holders: holders.map(holderOf),
      waiters: waiting.map(({ request, wishes, since }, i) => ({
        owner: request.owner,
        mode: wishes[0]?.mode ?? 'exclusive',
        position: i + 1,
        waitingSince: new Date(Date.now() - (performance.now() - since)).toISOString(),
      })),
      currentToken: holders.at(-1)?.fencingToken ?? null,
    };
  }

  async verifyToken(name: string, fencingToken: string): Promise<Verified> {
    const { currentToken } = await this.describeLock(name);
    return { valid: currentToken === null || BigInt(fencingToken) >= BigInt(currentToken), currentToken };
  }

  async describeCluster(): Promise<Cluster> {
    return { role: 'lock', nodeId: 'memory', epoch: 1, members: [] };
  }

  async close(): Promise<void> {
    this.isClosed = true;
    for (const { expiry } of this.held.values()) clearTimeout(expiry);
  }

  private async acquire(
    request: LeaseRequest,
    wishes: readonly Wish[],
    { waitMs, signal }: Wait,
  ): Promise<readonly Lease[]> {
    signal?.throwIfAborted();
    const already = this.held.get(request.leaseId);
    if (already !== undefined) return already.leases;
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        request,
        wishes,
        since: performance.now(),
        grant: (leases) => {
          end();
          resolve(leases);
        },
      };
      const leave = (reason: unknown) => {
        end();
        this.line.delete(waiting);
        reject(reason);
        this.admit();
      };
      const late = () => leave(new WaitTimeoutError(refusal('wait-timeout', 'The wait is over')));
      const timer = waitMs > 0 && Number.isFinite(waitMs) ? setTimeout(late, waitMs) : undefined;
      const abort = () => leave(signal?.reason);
      const end = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
      };
      signal?.addEventListener('abort', abort);
      this.line.add(waiting);
      this.admit();
      if (waitMs === 0 && this.line.has(waiting)) leave(this.heldBy(wishes));
    });
  }

  private heldBy(wishes: readonly Wish[]): LockHeldError {
    const leases = wishes.flatMap(({ name, limit }) => this.leasesOf(name, limit !== undefined));
    const problem = { ...refusal('lock-held', 'It is held'), holders: leases.map(holderOf), waiters: 0 };
    return new LockHeldError(problem);
  }

  /** Grants what is free, in order of arrival: who waits for a name holds it back from those behind. */
  private admit(): void {
    const awaited = new Set<string>();
    for (const waiting of this.line) {
      const { request, wishes } = waiting;
      const isFree = wishes.every((wish) => !awaited.has(keyOf(wish)) && this.fits(wish));
      for (const wish of wishes) if (!isFree) awaited.add(keyOf(wish));
      if (!isFree) continue;
      this.line.delete(waiting);
      const { leaseId, ttlMs = 30_000 } = request;
      const leases = wishes.map((wish) => this.leaseOf(wish, request, performance.now() - waiting.since));
      const expiry = setTimeout(() => this.end(leaseId), ttlMs).unref();
      this.held.set(leaseId, { leases, expiry });
      waiting.grant(leases);
    }
  }

  private fits({ name, mode, permits, limit }: Wish): boolean {
    const holders = this.leasesOf(name, limit !== undefined);
    if (limit !== undefined) return holders.reduce((sum, lease) => sum + lease.permits, permits) <= limit;
    return holders.every((lease) => mode === 'shared' && lease.mode === 'shared');
  }

  private leasesOf(name: string, ofSemaphore: boolean): Lease[] {
    const all = [...this.held.values()].flatMap(({ leases }) => leases);
    return all.filter((lease) => lease.name === name && (lease.limit !== undefined) === ofSemaphore);
  }

  private leaseOf(wish: Wish, request: LeaseRequest, waitedMs: number): Lease {
    const { leaseId, owner, ttlMs = 30_000, metadata = null } = request;
    const now = Date.now();
    this.token = Math.max(this.token + 1, now * 1_000);
    return {
      ...wish,
      limit: wish.limit,
      leaseId,
      owner,
      ttlMs,
      metadata,
      fencingToken: String(this.token),
      acquiredAt: new Date(now).toISOString(),
      expiresAt: new Date(now + ttlMs).toISOString(),
      waitedMs: Math.round(waitedMs),
      durability: 'local',
    } as Lease;
  }

  private async renew(leaseId: string, ttlMs: number): Promise<readonly Lease[]> {
    const held = this.held.get(leaseId);
    if (held === undefined) throw lost();
    held.expiry.refresh();
    const expiresAt = new Date(Date.now() + ttlMs).toISOString();
    held.leases = held.leases.map((lease) => ({ ...lease, expiresAt }));
    return held.leases;
  }

  private end(leaseId: string): boolean {
    const held = this.held.get(leaseId);
    if (held === undefined) return false;
    clearTimeout(held.expiry);
    this.held.delete(leaseId);
    this.admit();
    return true;
  }

  private async first(leases: Promise<readonly Lease[]>): Promise<Timed<Lease>> {
    const sentAt = clock.now();
    const [body] = await leases;
    return { body: body as Lease, firstSentAt: sentAt, sentAt };
  }

  private async set(leaseId: string, leases: Promise<readonly Lease[]>): Promise<Timed<LeaseSet>> {
    const sentAt = clock.now();
    const body: LeaseSet = { leaseId, leases: [...(await leases)], durability: 'local' };
    return { body, firstSentAt: sentAt, sentAt };
  }
}

const holderOf = ({ leaseId: _, durability: __, limit: ___, ...holder }: Lease) => holder;
const keyOf = ({ name, limit }: Wish) => `${limit === undefined ? 'lock' : 'semaphore'} ${name}`;
const refusal = <Code extends string>(code: Code, detail: string) => ({ code, status: 409, detail });
const lost = () => LeaseLostError.local('The lease is over');
