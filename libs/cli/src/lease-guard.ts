import type { Lease } from '@syncline/client';

/**
 * Calls `onLoss` once, when a lease is lost or less than `graceMs` of it is left. A command that stops within `graceMs`
 * then stops before another owner can get the lock.
 */
export class LeaseGuard {
  private timer: NodeJS.Timeout | undefined;
  private lost = false;

  constructor(
    private readonly lease: Lease,
    private readonly graceMs: number,
    private readonly onLoss: (why: string) => void,
  ) {
    lease.signal.addEventListener('abort', this.onAbort);
    this.watch();
  }

  get isLost(): boolean {
    return this.lost;
  }

  /** Stops watching. */
  end(): void {
    clearTimeout(this.timer);
    this.lease.signal.removeEventListener('abort', this.onAbort);
  }

  private readonly onAbort = (): void => this.lose(this.lease.signal.reason.detail);

  /** Renewals extend the lease: the timer checks for that when it fires. */
  private watch(): void {
    const leftMs = this.lease.remainingMs - this.graceMs;
    if (leftMs > 0) this.timer = setTimeout(() => this.watch(), leftMs);
    else this.lose('It could not be renewed in time.');
  }

  private lose(why: string): void {
    if (this.lost) return;
    this.lost = true;
    this.end();
    this.onLoss(why);
  }
}
