import { randomUUID } from 'node:crypto';
import type {
  Lease as Grant,
  LeaseSet as GrantSet,
  KeptSession,
  LeaseMode,
  Session as SessionGrant,
} from '@syncline/contracts';
import { LeaseLostError } from '../errors.js';
import type { Transport } from '../transport/transport.js';
import {
  type HoldOptions,
  holderOf,
  type LockWish,
  nameOf,
  taking,
  ttlOf,
  type WaitOptions,
  wishesOf,
} from './acquisition.js';
import { Holding } from './holding.js';
import type { Holdings } from './holdings.js';
import { lockCall, timed } from './lock-calls.js';
import { SessionLease, SessionLeaseSet } from './session-leases.js';
import { Term } from './term.js';
import { askWaiting } from './waiting.js';

const DEFAULT_TTL_MS = 15_000;

/** How long a session lives without a sign of this process. */
export interface SessionOptions {
  /** Life of the session and all its leases without a keep-alive. Default 15,000. */
  readonly ttlMs?: number;
  /** Default: an owner of its own. All leases of the session have it. */
  readonly owner?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** How several locks are taken in a session. */
export interface SessionHoldOptions extends WaitOptions, Pick<HoldOptions, 'metadata'> {}

/** How a lock is taken in a session. */
export interface SessionLeaseOptions extends SessionHoldOptions {
  readonly mode?: LeaseMode;
}

/** Leases that live and die together, kept alive by one call. Releasing the session releases them all. */
export class Session extends Holding {
  /** By a number. An object: entries come and go. */
  private readonly leases: Record<number, SessionLease | SessionLeaseSet> = Object.create(null);
  private last = 0;

  private constructor(
    private readonly transport: Transport,
    readonly sessionId: string,
    readonly owner: string,
    term: Term,
    giveBack: () => Promise<unknown>,
    holdings: Holdings,
  ) {
    super(term, giveBack, holdings);
    this.signal.addEventListener('abort', () => {
      for (const lease of Object.values(this.leases)) lease.lose(this.signal.reason);
    });
  }

  /** @internal */
  static async open(transport: Transport, holdings: Holdings, options: SessionOptions): Promise<Session> {
    const { ttlMs: wanted = DEFAULT_TTL_MS } = options;
    const ttlMs = ttlOf(wanted);
    const holder = holderOf(options, randomUUID());
    // The node makes the id. A session that was made twice because an answer was lost ends with its TTL.
    const { body, sentAt } = timed<SessionGrant>(
      await transport.call(lockCall('/v1/sessions', { ...holder, ttlMs })),
    );
    const path = `/v1/sessions/${body.sessionId}`;
    const renew = async (attemptTimeoutMs: number, timeoutMs: number) => {
      const call = { method: 'POST', path: `${path}/keepalive`, idempotent: true } as const;
      const kept = timed<KeptSession>(await transport.call({ ...call, attemptTimeoutMs, timeoutMs }));
      session.heed(kept.body);
      return kept.sentAt;
    };
    const term = new Term({ what: `session ${body.sessionId}`, ttlMs, since: sentAt, renew });
    const giveBack = () => transport.call({ method: 'DELETE', path, idempotent: true, accept: [404] });
    const session = new Session(transport, body.sessionId, holder.owner, term, giveBack, holdings);
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
    return this.take<Grant, SessionLease>(options, {
      path: `${path}/acquire`,
      fields: mode === undefined ? {} : { mode },
      affinity: name,
      giveBack: (leaseId) => this.transport.call(lockCall(`${path}/release`, { leaseId })),
      hold: (grant, giveBack) => new SessionLease(grant, this, giveBack),
    });
  }

  /**
   * Acquires several locks for the session, all or none.
   *
   * @throws as `LockClient.acquireAll`; {LeaseLostError} the session is gone
   */
  async acquireAll(locks: readonly LockWish[], options: SessionHoldOptions = {}): Promise<SessionLeaseSet> {
    const { wishes, names, affinity } = wishesOf(locks);
    return this.take<GrantSet, SessionLeaseSet>(options, {
      path: '/v1/locks/acquire',
      fields: { locks: wishes },
      affinity,
      giveBack: (leaseId) => this.transport.call(lockCall('/v1/locks/release', { leaseId, names })),
      hold: (grant, giveBack) => new SessionLeaseSet(grant, this, giveBack),
    });
  }

  private take<Body, Held extends SessionLease | SessionLeaseSet>(
    options: SessionHoldOptions,
    { path, fields, affinity, giveBack, hold }: Way<Body, Held>,
  ): Promise<Held> {
    const signal =
      options.signal === undefined ? this.signal : AbortSignal.any([this.signal, options.signal]);
    const { owner, sessionId } = this;
    const { metadata } = options;
    const take = async (leaseId: string, waitMs: number) => {
      const body = {
        ...holderOf({ owner, ...(metadata && { metadata }) }, leaseId),
        sessionId,
        leaseId,
        ...fields,
      };
      const granted = await askWaiting<Body>(this.transport, {
        path,
        fields: body,
        waitMs,
        signal,
        affinity,
      });
      return this.enter(hold(granted.body, () => giveBack(leaseId)));
    };
    return taking({ ...options, signal }, this.transport.timeoutMs, take, giveBack);
  }

  private enter<Held extends SessionLease | SessionLeaseSet>(lease: Held): Held {
    this.last += 1;
    const number = this.last;
    this.leases[number] = lease;
    lease.onEnd = () => {
      delete this.leases[number];
    };
    return lease;
  }

  /** A keep-alive tells what was taken away from the session. */
  private heed({ lost }: KeptSession): void {
    if (lost.length === 0) return;
    const tokens = new Set(lost.map(({ name, fencingToken }) => `${name} ${fencingToken}`));
    for (const lease of Object.values(this.leases)) {
      const gone = lease.grants.find(({ name, fencingToken }) => tokens.has(`${name} ${fencingToken}`));
      if (gone !== undefined)
        lease.lose(LeaseLostError.local(`The lease of ${gone.name} was taken away from the session`));
    }
  }
}

/** How one kind of thing is taken in a session. */
interface Way<Body, Held> {
  readonly path: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly affinity: string;
  giveBack(leaseId: string): Promise<unknown>;
  hold(body: Body, giveBack: () => Promise<unknown>): Held;
}
