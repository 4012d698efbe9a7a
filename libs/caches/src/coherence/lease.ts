/** Under which a node serves what it holds of a shard. Over for ever once the node may have missed a write there. */
export class Lease {
  /** Of the node's monotonic clock, ms. */
  until = Number.NEGATIVE_INFINITY;
  /** When a reader came last. */
  usedAt = Number.NEGATIVE_INFINITY;
  isOver = false;

  /** Whether a reader that comes at this moment may be served. */
  serves(now: number): boolean {
    this.usedAt = now;
    return now < this.until;
  }
}
