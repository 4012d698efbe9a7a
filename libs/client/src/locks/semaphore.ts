import type { Lease as Grant, Semaphore as SemaphoreState } from '@syncline/contracts';
import { acquireAndHold, type HoldOptions, holderOf, ttlOf } from './acquisition.js';
import { runHolding } from './holding.js';
import type { Holdings } from './holdings.js';
import { Lease } from './leases.js';
import type { LockPort } from './lock-port.js';
import { acquireWaiting } from './waiting.js';

/** How to acquire permits. */
export interface PermitOptions extends HoldOptions {
  /** How many permits to acquire. Default 1. */
  readonly permits?: number;
}

/** At most `limit` permits are held at once, over all owners. First come, first served. */
export class Semaphore {
  /** @internal */
  constructor(
    private readonly port: LockPort,
    private readonly holdings: Holdings,
    readonly name: string,
    readonly limit?: number,
  ) {}

  /** Like `LockClient.acquire`. @throws {LimitMismatchError} the semaphore has another limit */
  async acquire(options: PermitOptions = {}): Promise<Lease> {
    const { port, name, limit } = this;
    const { permits, signal } = options;
    const ttlMs = ttlOf(options.ttlMs);
    return acquireAndHold<Grant, Lease>(
      {
        what: `semaphore ${name}`,
        ttlMs,
        acquire: (leaseId, waitMs) => {
          const request = { ...holderOf(options, leaseId), ttlMs, leaseId, permits, limit };
          return acquireWaiting({ waitMs, signal }, (wait) => port.acquirePermits(name, request, wait));
        },
        waitedMs: (grant) => grant.waitedMs,
        renew: (leaseId, limits) => port.renewPermits(name, leaseId, ttlMs, limits),
        release: (leaseId) => port.releasePermits(name, leaseId),
        hold: (grant, term, release) => new Lease(grant, term, release, this.holdings),
      },
      options,
      port,
      this.holdings,
    );
  }

  /** Runs a routine under permits; see `LockClient.using`. */
  async using<T>(
    options: PermitOptions,
    routine: (lease: Lease, signal: AbortSignal) => T | Promise<T>,
  ): Promise<T> {
    return runHolding(await this.acquire(options), options.signal, routine);
  }

  /** Changes the limit for future grants. Held permits stay held. */
  async resize(limit: number): Promise<void> {
    await this.port.resizeSemaphore(this.name, limit);
  }

  /** Revokes all leases and forgets the configured limit, for operators. Returns the ids of the leases. */
  async revoke(reason?: string): Promise<readonly string[]> {
    return this.port.revokePermits(this.name, reason);
  }

  /** The current limit, holders and waiters. */
  inspect(): Promise<SemaphoreState> {
    return this.port.describeSemaphore(this.name);
  }
}
