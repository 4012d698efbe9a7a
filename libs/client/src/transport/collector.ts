/** One call that waits for its batch. */
interface Entry<Item, Result> {
  readonly item: Item;
  readonly size: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

export interface CollectorOptions<Item, Result> {
  /** Most items in one request. */
  readonly maxItems: number;
  /** Most bytes in one request, as counted by `add`. Default: no limit. */
  readonly maxBytes?: number;
  /**
   * Items that are worth a request of their own: a turn of more leaves as two requests at least, so that client, node
   * and Redis work at the same time. Default: a turn leaves as one.
   */
  readonly worthOne?: number;
  /** Whether a turn is not to be parted: as few requests as may be, one after another. Default: never. */
  readonly together?: (items: readonly Item[]) => boolean;
  /** Performs a batch: one result an item, in their order; an `Error` is that item's failure. */
  readonly run: (items: readonly Item[]) => Promise<readonly (Result | Error)[]>;
}

/** Gathers the calls of one turn of the event loop, so that they travel in one request. */
export class Collector<Item, Result> {
  private readonly waiting: Entry<Item, Result>[] = [];

  constructor(private readonly options: CollectorOptions<Item, Result>) {}

  add(item: Item, size = 0): Promise<Result> {
    return new Promise((resolve, reject) => {
      // After this turn's I/O and all its promises: what one answer set free travels together again.
      if (this.waiting.length === 0) setImmediate(() => void this.flush());
      this.waiting.push({ item, size, resolve, reject });
    });
  }

  private async flush(): Promise<void> {
    const entries = this.waiting.splice(0);
    const { maxItems, worthOne = maxItems } = this.options;
    const together = this.options.together?.(entries.map(({ item }) => item)) ?? false;
    const half = Math.max(worthOne, Math.ceil(entries.length / 2));
    const batches = this.split(entries, together ? maxItems : Math.min(half, maxItems));
    for (const batch of batches) {
      const performed = this.perform(batch);
      if (together && batches.length > 1) await performed;
    }
  }

  private split(
    entries: readonly Entry<Item, Result>[],
    maxItems: number,
  ): (readonly Entry<Item, Result>[])[] {
    const { maxBytes = Number.POSITIVE_INFINITY } = this.options;
    const batches: (readonly Entry<Item, Result>[])[] = [];
    let from = 0;
    let bytes = 0;
    for (const [i, { size }] of entries.entries()) {
      if (i > from && (i - from === maxItems || bytes + size > maxBytes)) {
        batches.push(entries.slice(from, i));
        from = i;
        bytes = 0;
      }
      bytes += size;
    }
    batches.push(from === 0 ? entries : entries.slice(from));
    return batches;
  }

  private async perform(batch: readonly Entry<Item, Result>[]): Promise<void> {
    try {
      const results = await this.options.run(batch.map(({ item }) => item));
      for (const [i, { resolve, reject }] of batch.entries()) {
        const result = results[i];
        if (result instanceof Error) reject(result);
        else resolve(result as Result);
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
