/** One call that waits for its batch. */
export interface Entry<Item, Result> {
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
  /** Performs a batch: one result an item, in their order; an `Error` is that item's failure. */
  readonly run: (items: readonly Item[]) => Promise<readonly (Result | Error)[]>;
}

/** Gathers the calls of one turn of the event loop, so that they travel in one request. */
export class Collector<Item, Result> {
  private waiting: Entry<Item, Result>[] = [];

  constructor(private readonly options: CollectorOptions<Item, Result>) {}

  add(item: Item, size = 0): Promise<Result> {
    return new Promise((resolve, reject) => {
      // After this turn's I/O and all its promises: what one answer set free travels together again.
      if (this.waiting.length === 0) setImmediate(() => this.flush());
      this.waiting.push({ item, size, resolve, reject });
    });
  }

  private flush(): void {
    const { maxItems, maxBytes = Number.POSITIVE_INFINITY } = this.options;
    const entries = this.waiting;
    this.waiting = [];
    let from = 0;
    let bytes = 0;
    for (const [i, { size }] of entries.entries()) {
      if (i > from && (i - from === maxItems || bytes + size > maxBytes)) {
        void this.perform(entries.slice(from, i));
        from = i;
        bytes = 0;
      }
      bytes += size;
    }
    void this.perform(from === 0 ? entries : entries.slice(from));
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
