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
  /** Send the batches of a turn one after another, so that their order is kept. Default: side by side. */
  readonly ordered?: boolean;
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
    const batches = this.split(this.waiting.splice(0));
    for (const batch of batches) {
      const performed = this.perform(batch);
      if (this.options.ordered && batches.length > 1) await performed;
    }
  }

  private split(entries: readonly Entry<Item, Result>[]): (readonly Entry<Item, Result>[])[] {
    const { maxItems, maxBytes = Number.POSITIVE_INFINITY } = this.options;
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
