import { randomUUID } from 'node:crypto';
import type {
  Lease as Grant,
  LeaseSet as GrantSet,
  KeptSession,
  LeaseMode,
  OpenedSession as SessionGrant,
} from '@syncline/contracts';
import { LeaseLostError } from '../errors.js';
import type { Transport } from '../transport/transport.js';
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
import { lockCall, timed } from './lock-calls.js';
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
    private readonly transport: Transport,
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
  static async open(transport: Transport, holdings: Holdings, options: SessionOptions): Promise<Session> {
    const { ttlMs: wanted = DEFAULT_TTL_MS } = options;
    const ttlMs = ttlOf(wanted);
    const holder = holderOf(options, randomUUID());
    // The node chooses the id. If an answer is lost and a second session is created, the first ends with its TTL.
    const { body, sentAt } = timed<SessionGrant>(
      await transport.call(lockCall('/v1/sessions', { ...holder, ttlMs })),
    );
    const path = `/v1/sessions/${body.sessionId}`;
    const renew = async (attemptTimeoutMs: number, timeoutMs: number) => {
      const call = { method: 'POST', path: `${path}/keepalive`, idempotent: true } as const;
      const kept = timed<KeptSession>(await transport.call({ ...call, attemptTimeoutMs, timeoutMs }));
      session.loseLeases(kept.body);
      return kept.sentAt;
    };
    const term = new Term({ what: `session ${body.sessionId}`, ttlMs, since: sentAt, renew });
    const release = () => transport.call({ method: 'DELETE', path, idempotent: true, accept: [404] });
    const session = new Session(transport, body.sessionId, holder.owner, term, release, holdings);
    return session;
  }

  /**
   * Acquires a lock for the session.
   *
   * @throws as `LockClient.acquire`; {LeaseLostError} the session is gone
   */
  async acquire(name: string, options: SessionLeaseOptions = {}): Promise<SessionLease> {
    const path = `/v1/locks/${encodeURIComponent(nameOf(name))}`;
    const { mode } = options;
    return this.acquireIn<Grant, SessionLease>(options, {
      path: `${path}/acquire`,
      fields: mode === undefined ? {} : { mode },
      affinity: name,
      release: (leaseId) => this.transport.call(lockCall(`${path}/release`, { leaseId })),
      hold: (grant, release) => new SessionLease(grant, this, release),
    });
  }

  /**
   * Acquires several locks for the session, all or none.
   *
   * @throws as `LockClient.acquireAll`; {LeaseLostError} the session is gone
   */
  async acquireAll(locks: readonly LockWish[], options: SessionHoldOptions = {}): Promise<SessionLeaseSet> {
    const { locks: requested, names, affinity } = requestedLocks(locks);
    return this.acquireIn<GrantSet, SessionLeaseSet>(options, {
      path: '/v1/locks/acquire',
      fields: { locks: requested },
      affinity,
      release: (leaseId) => this.transport.call(lockCall('/v1/locks/release', { leaseId, names })),
      hold: (grant, release) => new SessionLeaseSet(grant, this, release),
    });
  }

  private acquireIn<Body, Held extends SessionLease | SessionLeaseSet>(
    options: SessionHoldOptions,
    { path, fields, affinity, release, hold }: SessionResource<Body, Held>,
  ): Promise<Held> {
    const signal =
      options.signal === undefined ? this.signal : AbortSignal.any([this.signal, options.signal]);
    const { owner, sessionId } = this;
    const { metadata } = options;
    const acquire = async (leaseId: string, waitMs: number) => {
      const body = {
        ...holderOf({ owner, ...(metadata && { metadata }) }, leaseId),
        sessionId,
        leaseId,
        ...fields,
      };
      const granted = await acquireWaiting<Body>(this.transport, {
        path,
        fields: body,
        waitMs,
        signal,
        affinity,
      });
      return this.add(hold(granted.body, () => release(leaseId)));
    };
    return acquireWithNewIds({ ...options, signal }, this.transport.timeoutMs, acquire, release);
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
  readonly path: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly affinity: string;
  release(leaseId: string): Promise<unknown>;
  hold(body: Body, release: () => Promise<unknown>): Held;
}
