import { Problem, type Quotas } from '@syncline/contracts';

/** What one API key, or all keys of a tenant, use of this node. It outlives a change of the file. */
export class Usage {
  /** Requests since the node started, refused ones too. */
  requests = 0;
  /** Requests that may still come now: refilled evenly, a second's worth at most. */
  private allowance = 0;
  private filledAt = Number.NEGATIVE_INFINITY;
  private readonly held = { callStreams: 0, waitingRequests: 0 };

  constructor(
    /** Null: of all keys of the tenant. */
    readonly key: string | null,
    /** Of the key; '' without one. */
    readonly tenant: string,
    public quotas: Quotas,
    /** Of its tenant, which counts what the key uses, too. */
    public ofTenant?: Usage,
    /** The monotonic clock, ms. */
    private readonly clock: () => number = () => performance.now(),
  ) {}

  /** @throws Problem `rate-limited` when the key, or its tenant, makes too many requests a second */
  countRequest(): void {
    this.requests += 1;
    this.takeFromAllowance();
    this.ofTenant?.countRequest();
  }

  private takeFromAllowance(): void {
    const { requestsPerSecond } = this.quotas;
    if (requestsPerSecond === undefined) return;
    const now = this.clock();
    const refill = ((now - this.filledAt) / 1_000) * requestsPerSecond;
    this.allowance = Math.min(requestsPerSecond, this.allowance + refill);
    this.filledAt = now;
    if (this.allowance < 1) throw this.exceeded(`${requestsPerSecond} requests a second`);
    this.allowance -= 1;
  }

  /**
   * One more that stays for a while.
   *
   * @returns gives it back; must be called once
   * @throws Problem `rate-limited`
   */
  hold(what: 'callStreams' | 'waitingRequests'): () => void {
    const most = this.quotas[what] ?? Number.POSITIVE_INFINITY;
    if (this.held[what] >= most) {
      throw this.exceeded(`${most} ${what === 'callStreams' ? 'call streams' : 'requests that wait'}`);
    }
    const giveBackToTenant = this.ofTenant?.hold(what);
    this.held[what] += 1;
    return () => {
      this.held[what] -= 1;
      giveBackToTenant?.();
    };
  }

  private exceeded(quota: string): Problem {
    const who = this.key === null ? `tenant ${this.tenant}` : `API key ${this.key}`;
    return new Problem('rate-limited', `The ${who} may have ${quota} at a node. Try again later.`);
  }
}
