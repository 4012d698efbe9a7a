import type { Lease } from '@syncline/client';

/**
 * Tells once when a lease is lost, or when less than `graceMs` of it is left: who then stops within `graceMs` has
 * stopped before the lock can be somebody else's.
 */
export class LeaseGuard {
  private timer: NodeJS.Timeout | undefined;
  private told = false;

  constructor(
    private readonly lease: Lease,
    private readonly graceMs: number,
    private readonly onLoss: (why: string) => void,
  ) {
    lease.signal.addEventListener('abort', this.onAbort);
    this.watch();
  }

  get isLost(): boolean {
    return this.told;
  }

  /** Tells nothing any more. */
  end(): void {
    clearTimeout(this.timer);
    this.lease.signal.removeEventListener('abort', this.onAbort);
  }

  private readonly onAbort = (): void => this.tell(this.lease.signal.reason.detail);

  /** Renewals move the moment: they are seen when it comes. */
  private watch(): void {
    const leftMs = this.lease.remainingMs - this.graceMs;
    if (leftMs > 0) this.timer = setTimeout(() => this.watch(), leftMs);
    else this.tell('It could not be renewed in time.');
  }

  private tell(why: string): void {
    if (this.told) return;
    this.told = true;
    this.end();
    this.onLoss(why);
  }
}
