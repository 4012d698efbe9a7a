import { type KeyQuotas, Problem } from '@syncline/contracts';

/** What one API key uses of this node. It outlives a change of the file. */
export class Usage {
  /** Requests since the node started, refused ones too. */
  requests = 0;
  /** Requests that may still come now: refilled evenly, a second's worth at most. */
  private allowance = 0;
  private filledAt = Number.NEGATIVE_INFINITY;
  private readonly held = { callStreams: 0, waitingRequests: 0 };

  constructor(
    readonly key: string,
    /** Of the key; '' without one. */
    readonly tenant: string,
    public quotas: KeyQuotas,
    /** The monotonic clock, ms. */
    private readonly clock: () => number = () => performance.now(),
  ) {}

  /** @throws Problem `rate-limited` when the key makes too many requests a second */
  countRequest(): void {
    this.requests += 1;
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
    this.held[what] += 1;
    return () => {
      this.held[what] -= 1;
    };
  }

  private exceeded(quota: string): Problem {
    return new Problem(
      'rate-limited',
      `The API key ${this.key} may have ${quota} at a node. Try again later.`,
    );
  }
}
