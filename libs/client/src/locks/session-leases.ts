import type { Lease as Grant, LeaseSet as GrantSet } from '@syncline/contracts';
import { LeaseLostError } from '../errors.js';

/** The part of a session that its leases use. */
export interface SessionState {
  readonly isHeld: boolean;
}

/** A lease, or a set of leases, that lives as long as its session unless it is released or revoked before. */
export abstract class HeldInSession implements AsyncDisposable {
  private controller: AbortController | undefined;
  private lost: LeaseLostError | undefined;
  private released: Promise<void> | undefined;
  private ended = false;
  /** Called once, when it is lost or released. @internal */
  onEnd: (() => void) | undefined;

  protected constructor(
    private readonly session: SessionState,
    private readonly sendRelease: () => Promise<unknown>,
  ) {}

  /** The grants; a loss names one of them. @internal */
  abstract readonly grants: readonly Readonly<Grant>[];

  /** Aborts with a {@link LeaseLostError} when it is lost, alone or with the session. */
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.lost !== undefined) this.controller.abort(this.lost);
    }
    return this.controller.signal;
  }

  /** Whether it was held at the last keep-alive of the session. */
  get isHeld(): boolean {
    return !this.ended && this.session.isHeld;
  }

  /**
   * Releases it; the session continues. A second call has the same outcome, or tries again when no node was reached.
   *
   * @throws {LeaseLostError} it was lost before
   * @throws {SynclineError} no node was reached: call it again, or it ends with the session
   */
  release(): Promise<void> {
    this.released ??= this.end();
    return this.released;
  }

  /** Releases it and ignores failures, so that an error of the block is not replaced. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().catch(() => undefined);
  }

  /** @internal */
  lose(error: LeaseLostError): void {
    if (this.ended) return;
    this.stop();
    this.lost = error;
    this.controller?.abort(error);
  }

  private stop(): void {
    if (this.ended) return;
    this.ended = true;
    this.onEnd?.();
  }

  private async end(): Promise<void> {
    this.stop();
    try {
      await this.sendRelease();
    } catch (error) {
      if (!(error instanceof LeaseLostError)) this.released = undefined;
      throw this.lost ?? error;
    }
    if (this.lost !== undefined) throw this.lost;
  }
}

/** A lease that lives as long as its session. */
export class SessionLease extends HeldInSession {
  /** @internal */
  constructor(
    readonly grant: Readonly<Grant>,
    session: SessionState,
    sendRelease: () => Promise<unknown>,
  ) {
    super(session, sendRelease);
  }

  /** @internal */
  override get grants(): readonly Readonly<Grant>[] {
    return [this.grant];
  }
  get name(): string {
    return this.grant.name;
  }
  /** A decimal string that is larger with every grant of the name; see {@link Lease.fencingToken}. */
  get fencingToken(): string {
    return this.grant.fencingToken;
  }
}

/** Leases of several locks that live as long as their session. When one of them is lost, the set is lost. */
export class SessionLeaseSet extends HeldInSession {
  readonly leaseId: string;
  override readonly grants: readonly Readonly<Grant>[];

  /** @internal */
  constructor(grant: Readonly<GrantSet>, session: SessionState, sendRelease: () => Promise<unknown>) {
    super(session, sendRelease);
    this.leaseId = grant.leaseId;
    this.grants = grant.leases;
  }

  /** The fencing token of one of the names. */
  fencingToken(name: string): string {
    const grant = this.grants.find((candidate) => candidate.name === name);
    if (grant === undefined) throw new TypeError(`The set does not hold ${name}`);
    return grant.fencingToken;
  }
}
