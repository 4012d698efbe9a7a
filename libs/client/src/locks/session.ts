import { randomUUID } from 'node:crypto';
import type { Lease as Grant, LeaseSet as GrantSet, KeptSession, LeaseMode } from '@syncline/contracts';
import { LeaseLostError } from '../errors.js';
import {
  acquireWithNewIds,
  type HoldOptions,
  holderOf,
  type LockWish,
  nameOf,
  requestedLocks,
  ttlOf,
  type WaitOptions,
} from './acquisition.js';
import { Holding } from './holding.js';
import type { Holdings } from './holdings.js';
import type { CallLimits, LeaseRequest, LockPort, Timed, Wait } from './lock-port.js';
import { SessionLease, SessionLeaseSet } from './session-leases.js';
import { Term } from './term.js';
import { acquireWaiting } from './waiting.js';

const DEFAULT_TTL_MS = 15_000;

/** TTL and owner of a session. */
export interface SessionOptions {
  /** TTL of the session and all its leases without a keep-alive. Default 15,000. */
  readonly ttlMs?: number;
  /** The owner of all leases of the session. Default: a new owner. */
  readonly owner?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** How to acquire several locks in a session. */
export interface SessionHoldOptions extends WaitOptions, Pick<HoldOptions, 'metadata'> {}

/** How to acquire a lock in a session. */
export interface SessionLeaseOptions extends SessionHoldOptions {
  readonly mode?: LeaseMode;
}

/** A group of leases that one keep-alive call renews. Releasing the session releases all of them. */
export class Session extends Holding {
  /** By number. An object, not a map: see `docs/decisions/garbage.md`. */
  private readonly leases: Record<number, SessionLease | SessionLeaseSet> = Object.create(null);
  private last = 0;

  private constructor(
    private readonly port: LockPort,
    readonly sessionId: string,
    readonly owner: string,
    term: Term,
    sendRelease: () => Promise<unknown>,
    holdings: Holdings,
  ) {
    super(term, sendRelease, holdings);
    this.signal.addEventListener('abort', () => {
      for (const lease of Object.values(this.leases)) lease.lose(this.signal.reason);
    });
  }

  /** @internal */
  static async open(port: LockPort, holdings: Holdings, options: SessionOptions): Promise<Session> {
    const { ttlMs: wanted = DEFAULT_TTL_MS } = options;
    const ttlMs = ttlOf(wanted);
    const holder = holderOf(options, randomUUID());
    const { body, sentAt } = await port.openSession({ ...holder, ttlMs });
    const { sessionId } = body;
    const renew = async (limits: CallLimits) => {
      const kept = await port.keepSession(sessionId, limits);
      session.loseLeases(kept.body);
      return kept;
    };
    const term = new Term({ what: `session ${sessionId}`, ttlMs, since: sentAt, renew });
    const release = () => port.endSession(sessionId);
    const session = new Session(port, sessionId, holder.owner, term, release, holdings);
    return session;
  }

  /**
   * Acquires a lock for the session.
   *
   * @throws as `LockClient.acquire`; {LeaseLostError} the session is gone
   */
  async acquire(name: string, options: SessionLeaseOptions = {}): Promise<SessionLease> {
    nameOf(name);
    const { mode } = options;
    return this.acquireIn<Grant, SessionLease>(options, {
      acquire: (request, wait) => this.port.acquireLock(name, { ...request, mode }, wait),
      release: (leaseId) => this.port.releaseLock(name, leaseId, true),
      hold: (grant, release) => new SessionLease(grant, this, release),
    });
  }

  /**
   * Acquires several locks for the session, all or none.
   *
   * @throws as `LockClient.acquireAll`; {LeaseLostError} the session is gone
   */
  async acquireAll(locks: readonly LockWish[], options: SessionHoldOptions = {}): Promise<SessionLeaseSet> {
    const { locks: requested, names } = requestedLocks(locks);
    return this.acquireIn<GrantSet, SessionLeaseSet>(options, {
      acquire: (request, wait) => this.port.acquireSet({ ...request, locks: requested }, wait),
      release: (leaseId) => this.port.releaseSet({ leaseId, names }),
      hold: (grant, release) => new SessionLeaseSet(grant, this, release),
    });
  }

  private acquireIn<Body, Held extends SessionLease | SessionLeaseSet>(
    options: SessionHoldOptions,
    { acquire: ask, release, hold }: SessionResource<Body, Held>,
  ): Promise<Held> {
    const signal =
      options.signal === undefined ? this.signal : AbortSignal.any([this.signal, options.signal]);
    const { owner, sessionId } = this;
    const { metadata } = options;
    const acquire = async (leaseId: string, waitMs: number) => {
      const request = { owner, metadata, sessionId, leaseId };
      const granted = await acquireWaiting({ waitMs, signal }, (wait) => ask(request, wait));
      return this.add(hold(granted.body, () => release(leaseId)));
    };
    return acquireWithNewIds({ ...options, signal }, this.port.timeoutMs, acquire, release);
  }

  private add<Held extends SessionLease | SessionLeaseSet>(lease: Held): Held {
    this.last += 1;
    const number = this.last;
    this.leases[number] = lease;
    lease.onEnd = () => {
      delete this.leases[number];
    };
    return lease;
  }

  /** The answer to a keep-alive names the revoked leases of the session. */
  private loseLeases({ lost }: KeptSession): void {
    if (lost.length === 0) return;
    const tokens = new Set(lost.map(({ name, fencingToken }) => `${name} ${fencingToken}`));
    for (const lease of Object.values(this.leases)) {
      const gone = lease.grants.find(({ name, fencingToken }) => tokens.has(`${name} ${fencingToken}`));
      if (gone !== undefined) lease.lose(LeaseLostError.local(`The session lost its lease of ${gone.name}`));
    }
  }
}

/** A lock or a set of locks that can be acquired in a session. */
interface SessionResource<Body, Held> {
  acquire(request: LeaseRequest, wait: Wait): Promise<Timed<Body>>;
  release(leaseId: string): Promise<unknown>;
  hold(body: Body, release: () => Promise<unknown>): Held;
}
