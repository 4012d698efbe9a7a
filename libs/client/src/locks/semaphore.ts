import type { Lease as Grant, Semaphore as SemaphoreState } from '@syncline/contracts';
import type { Transport } from '../transport/transport.js';
import {
  acquireWaiting,
  DEFAULT_TTL_MS,
  type HoldOptions,
  newId,
  orGiveBack,
  termOf,
  wishOf,
} from './acquisition.js';
import { runHolding } from './holding.js';
import { Lease } from './leases.js';
import { lockCall } from './lock-calls.js';

/** How many permits are taken, and how. */
export interface PermitOptions extends HoldOptions {
  /** How many permits to take. Default 1. */
  readonly permits?: number;
}

/** At most `limit` permits are held at once, by whomever. First come, first served. */
export class Semaphore {
  private readonly path: string;

  /** @internal */
  constructor(
    private readonly transport: Transport,
    readonly name: string,
    readonly limit?: number,
  ) {
    this.path = `/v1/semaphores/${encodeURIComponent(name)}`;
  }

  /** As `LockClient.acquire`. @throws {LimitMismatchError} the semaphore has another limit */
  async acquire(options: PermitOptions = {}): Promise<Lease> {
    const { permits, ttlMs = DEFAULT_TTL_MS, signal } = options;
    signal?.throwIfAborted();
    const leaseId = newId();
    const fields = {
      ...wishOf(options, leaseId),
      ...(permits === undefined ? {} : { permits }),
      ...(this.limit === undefined ? {} : { limit: this.limit }),
    };
    const giveBack = () => this.transport.call(lockCall(`${this.path}/release`, { leaseId }));
    const renew = async (attemptTimeoutMs: number, timeoutMs: number) => {
      const call = lockCall(`${this.path}/renew`, { leaseId, ttlMs });
      return (await this.transport.call({ ...call, attemptTimeoutMs, timeoutMs })).sentAt;
    };
    return orGiveBack(
      acquireWaiting<Grant>(this.transport, `${this.path}/acquire`, fields, options, this.name).then(
        ({ body, firstSentAt }) =>
          new Lease(
            body,
            termOf(`semaphore ${this.name}`, ttlMs, firstSentAt, body.waitedMs, renew),
            giveBack,
          ),
      ),
      signal,
      giveBack,
    );
  }

  /** Runs a routine while it holds permits; as `LockClient.using`. */
  async using<T>(
    options: PermitOptions,
    routine: (lease: Lease, signal: AbortSignal) => T | Promise<T>,
  ): Promise<T> {
    return runHolding(await this.acquire(options), options.signal, routine);
  }

  /** Changes the limit for the grants to come. Permits that are held stay held. */
  async resize(limit: number): Promise<void> {
    await this.transport.call({
      method: 'PUT',
      path: this.path,
      body: JSON.stringify({ limit }),
      idempotent: true,
    });
  }

  /** Limit, holders and waiters as they are now. */
  inspect(): Promise<SemaphoreState> {
    return this.transport.json({ method: 'GET', path: this.path, idempotent: true });
  }
}
