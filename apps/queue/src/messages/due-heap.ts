interface Entry {
  readonly queue: string;
  readonly at: number;
}

/** Binary heap of one instant a queue, the earliest first. Replaced entries stay until they come up. */
export class DueHeap {
  private readonly entries: Entry[] = [];
  private readonly current = new Map<string, number>();

  /** The earliest instant; null when there is none. */
  get next(): number | null {
    this.dropReplaced();
    return this.entries[0]?.at ?? null;
  }

  /** Keeps the earlier one when the queue has an instant already. */
  add(queue: string, at: number): void {
    const known = this.current.get(queue);
    if (known !== undefined && known <= at) return;
    this.current.set(queue, at);
    this.entries.push({ queue, at });
    this.rise(this.entries.length - 1);
  }

  /** Takes out all queues whose instant has come. */
  takeDue(now: number): string[] {
    const due: string[] = [];
    for (let next = this.next; next !== null && next <= now; next = this.next) {
      const entry = this.pop();
      if (entry === undefined) break;
      this.current.delete(entry.queue);
      due.push(entry.queue);
    }
    return due;
  }

  private dropReplaced(): void {
    for (let first = this.entries[0]; first !== undefined; first = this.entries[0]) {
      if (this.current.get(first.queue) === first.at) return;
      this.pop();
    }
  }

  private pop(): Entry | undefined {
    const first = this.entries[0];
    const last = this.entries.pop();
    if (last !== undefined && this.entries.length > 0) {
      this.entries[0] = last;
      this.sink(0);
    }
    return first;
  }

  private rise(from: number): void {
    for (let i = from; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (!this.swapWhenEarlier(i, parent)) return;
      i = parent;
    }
  }

  private sink(from: number): void {
    for (let i = from; ; ) {
      const [left, right] = [2 * i + 1, 2 * i + 2];
      const child = this.at(right) < this.at(left) ? right : left;
      if (!this.swapWhenEarlier(child, i)) return;
      i = child;
    }
  }

  private at(i: number): number {
    return this.entries[i]?.at ?? Number.POSITIVE_INFINITY;
  }

  private swapWhenEarlier(i: number, above: number): boolean {
    const [lower, upper] = [this.entries[i], this.entries[above]];
    if (lower === undefined || upper === undefined || lower.at >= upper.at) return false;
    this.entries[above] = lower;
    this.entries[i] = upper;
    return true;
  }
}
