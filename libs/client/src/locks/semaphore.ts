import type { Lease as Grant, Semaphore as SemaphoreState } from '@syncline/contracts';
import type { Transport } from '../transport/transport.js';
import { acquireAndHold, type HoldOptions, holderOf, ttlOf } from './acquisition.js';
import { runHolding } from './holding.js';
import type { Holdings } from './holdings.js';
import { Lease } from './leases.js';
import { lockCall } from './lock-calls.js';
import { acquireWaiting } from './waiting.js';

/** How to acquire permits. */
export interface PermitOptions extends HoldOptions {
  /** How many permits to acquire. Default 1. */
  readonly permits?: number;
}

/** At most `limit` permits are held at once, over all owners. First come, first served. */
export class Semaphore {
  private readonly path: string;

  /** @internal */
  constructor(
    private readonly transport: Transport,
    private readonly holdings: Holdings,
    readonly name: string,
    readonly limit?: number,
  ) {
    this.path = `/v1/semaphores/${encodeURIComponent(name)}`;
  }

  /** Like `LockClient.acquire`. @throws {LimitMismatchError} the semaphore has another limit */
  async acquire(options: PermitOptions = {}): Promise<Lease> {
    const { permits, signal } = options;
    const ttlMs = ttlOf(options.ttlMs);
    return acquireAndHold<Grant, Lease>(
      {
        what: `semaphore ${this.name}`,
        ttlMs,
        acquire: (leaseId, waitMs) => {
          const fields = {
            ...holderOf(options, leaseId),
            ttlMs,
            leaseId,
            ...(permits === undefined ? {} : { permits }),
            ...(this.limit === undefined ? {} : { limit: this.limit }),
          };
          const path = `${this.path}/acquire`;
          return acquireWaiting(this.transport, { path, fields, waitMs, signal, affinity: this.name });
        },
        waitedMs: (grant) => grant.waitedMs,
        renew: async (leaseId, attemptTimeoutMs, timeoutMs) => {
          const call = lockCall(`${this.path}/renew`, { leaseId, ttlMs });
          return (await this.transport.call({ ...call, attemptTimeoutMs, timeoutMs })).sentAt;
        },
        release: (leaseId) => this.transport.call(lockCall(`${this.path}/release`, { leaseId })),
        hold: (grant, term, release) => new Lease(grant, term, release, this.holdings),
      },
      options,
      this.transport,
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
    await this.transport.call({
      method: 'PUT',
      path: this.path,
      body: JSON.stringify({ limit }),
      idempotent: true,
    });
  }

  /** The current limit, holders and waiters. */
  inspect(): Promise<SemaphoreState> {
    return this.transport.json({ method: 'GET', path: this.path, idempotent: true });
  }
}
