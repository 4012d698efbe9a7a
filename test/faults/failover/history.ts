/** What `local` does not promise: acks that the promoted replica lacks. */
export const UNDONE = 'was delivered after its ack had been answered';

/** What callers were told over a run of failovers, and what of it turned out to be wrong. */
export class History {
  readonly violations: string[] = [];
  readonly counts = { failovers: 0, sent: 0, acked: 0, granted: 0, unknown: 0 };
  private readonly sent = new Set<string>();
  /** When their acks were answered, by `performance.now()`. */
  private readonly acked = new Map<string, number>();
  private readonly seen = new Set<string>();
  private readonly holders = new Map<string, string>();

  /** How many calls were answered with success. */
  get answered(): number {
    return this.counts.sent + this.counts.acked + this.counts.granted;
  }

  /** Names of locks that were granted; no lease of them ends during the run. */
  get held(): string[] {
    return [...this.holders.keys()];
  }

  onSent(message: string): void {
    this.sent.add(message);
    this.counts.sent += 1;
  }

  /** @param askedAt when the receive was sent */
  onReceived(message: string, askedAt: number): void {
    this.seen.add(message);
    if ((this.acked.get(message) ?? Number.POSITIVE_INFINITY) < askedAt) {
      this.violations.push(`${message} ${UNDONE}`);
    }
  }

  onAcked(message: string): void {
    this.acked.set(message, performance.now());
    this.counts.acked += 1;
  }

  onGranted(name: string, leaseId: string): void {
    const holder = this.holders.get(name);
    if (holder === undefined) this.holders.set(name, leaseId);
    else if (holder !== leaseId) this.violations.push(`${name} was granted to two`);
    this.counts.granted += 1;
  }

  /** When all that is left was received. @param counted how many messages the queue says are lost */
  finish(counted: number): void {
    const missing = [...this.sent].filter((message) => !this.seen.has(message));
    this.violations.push(...missing.map((message) => `${message} was acknowledged and is lost`));
    if (counted !== missing.length) {
      this.violations.push(`${missing.length} messages are lost, and ${counted} are told to be`);
    }
  }
}
