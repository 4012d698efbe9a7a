import type { Lease as Grant, LeaseMode, Session as SessionGrant } from '@syncline/contracts';
import type { Transport } from '../transport/transport.js';
import { acquireWaiting, newId, orGiveBack, type WaitOptions, wishOf } from './acquisition.js';
import { Holding } from './holding.js';
import { lockCall, timed } from './lock-calls.js';
import { Term } from './term.js';

const DEFAULT_TTL_MS = 15_000;

/** How long a session lives without a sign of this process. */
export interface SessionOptions {
  /** Life of the session and all its leases without a keep-alive. Default 15,000. */
  readonly ttlMs?: number;
  /** Default: an owner of its own. All leases of the session have it. */
  readonly owner?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** How a lock is taken in a session. */
export interface SessionLeaseOptions extends WaitOptions {
  readonly mode?: LeaseMode;
}

/** A lease that lives as long as its session, whose `signal` tells when both are lost. */
export interface SessionLease {
  readonly grant: Readonly<Grant>;
  readonly name: string;
  readonly fencingToken: string;
  /** Gives this lease back; the session goes on. */
  release(): Promise<void>;
}

/** Leases that live and die together, kept alive by one call. Releasing the session releases them all. */
export class Session extends Holding {
  private constructor(
    private readonly transport: Transport,
    readonly sessionId: string,
    readonly owner: string,
    term: Term,
    giveBack: () => Promise<unknown>,
  ) {
    super(term, giveBack);
  }

  /** @internal */
  static async open(transport: Transport, options: SessionOptions): Promise<Session> {
    const { ttlMs = DEFAULT_TTL_MS, owner = wishOf({}, newId()).owner, metadata } = options;
    // The node makes the id. A session that was made twice because an answer was lost ends with its TTL.
    const { body, sentAt } = timed<SessionGrant>(
      await transport.call(
        lockCall('/v1/sessions', { owner, ttlMs, ...(metadata === undefined ? {} : { metadata }) }),
      ),
    );
    const path = `/v1/sessions/${body.sessionId}`;
    const renew = async (attemptTimeoutMs: number, timeoutMs: number) => {
      const call = { method: 'POST', path: `${path}/keepalive`, idempotent: true } as const;
      return (await transport.call({ ...call, attemptTimeoutMs, timeoutMs })).sentAt;
    };
    const term = new Term({ what: `session ${body.sessionId}`, ttlMs, since: sentAt, renew });
    const giveBack = () => transport.call({ method: 'DELETE', path, idempotent: true, accept: [404] });
    return new Session(transport, body.sessionId, owner, term, giveBack);
  }

  /** Acquires a lock for the session. @throws as `LockClient.acquire`; {LeaseLostError} the session is gone */
  async acquire(name: string, options: SessionLeaseOptions = {}): Promise<SessionLease> {
    const signal =
      options.signal === undefined ? this.signal : AbortSignal.any([this.signal, options.signal]);
    signal.throwIfAborted();
    const leaseId = newId();
    const path = `/v1/locks/${encodeURIComponent(name)}`;
    const release = () => this.transport.call(lockCall(`${path}/release`, { leaseId }));
    const { mode, waitMs = 0 } = options;
    const fields = {
      owner: this.owner,
      sessionId: this.sessionId,
      leaseId,
      ...(mode === undefined ? {} : { mode }),
    };
    const { body } = await orGiveBack(
      acquireWaiting<Grant>(this.transport, `${path}/acquire`, fields, { waitMs, signal }, name),
      signal,
      release,
    );
    return {
      grant: body,
      name,
      fencingToken: body.fencingToken,
      release: async () => {
        await release();
      },
    };
  }
}
