import type { Lease as Grant, LeaseSet as GrantSet } from '@syncline/contracts';
import { LeaseLostError } from '../errors.js';

/** What a session tells its leases. */
export interface LivesAs {
  readonly isHeld: boolean;
}

/** What lives as long as its session, unless it is released or taken away before. */
export abstract class HeldInSession implements AsyncDisposable {
  private controller: AbortController | undefined;
  private lost: LeaseLostError | undefined;
  private returned: Promise<void> | undefined;
  private ended = false;
  /** Called once, when it is lost or given back. @internal */
  onEnd: (() => void) | undefined;

  protected constructor(
    private readonly session: LivesAs,
    private readonly giveBack: () => Promise<unknown>,
  ) {}

  /** Grants by which a loss is recognised. @internal */
  abstract readonly grants: readonly Readonly<Grant>[];

  /** Aborts with a {@link LeaseLostError} when it is lost, alone or with the session. */
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.lost !== undefined) this.controller.abort(this.lost);
    }
    return this.controller.signal;
  }

  /** Whether it is held, as far as the last keep-alive of the session told. */
  get isHeld(): boolean {
    return !this.ended && this.session.isHeld;
  }

  /**
   * Gives it back; the session goes on. Again: the same outcome, or another try when no node could be told.
   *
   * @throws {LeaseLostError} it was lost before
   * @throws {SynclineError} no node could be told: call it again, or it ends with the session
   */
  release(): Promise<void> {
    this.returned ??= this.end();
    return this.returned;
  }

  /** Releases without a word about failures, so that the error of the block is not replaced. */
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
      await this.giveBack();
    } catch (error) {
      if (!(error instanceof LeaseLostError)) this.returned = undefined;
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
    session: LivesAs,
    giveBack: () => Promise<unknown>,
  ) {
    super(session, giveBack);
  }

  /** @internal */
  override get grants(): readonly Readonly<Grant>[] {
    return [this.grant];
  }
  get name(): string {
    return this.grant.name;
  }
  /** A decimal string, larger at every grant of the name; see {@link Lease.fencingToken}. */
  get fencingToken(): string {
    return this.grant.fencingToken;
  }
}

/** Leases of several locks that live as long as their session. Lost when one of them is. */
export class SessionLeaseSet extends HeldInSession {
  readonly leaseId: string;
  override readonly grants: readonly Readonly<Grant>[];

  /** @internal */
  constructor(grant: Readonly<GrantSet>, session: LivesAs, giveBack: () => Promise<unknown>) {
    super(session, giveBack);
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
