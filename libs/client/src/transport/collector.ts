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
   * A turn with more items than this is sent as at least two requests, so that client, node and Redis work in parallel.
   * Default: one request.
   */
  readonly splitAbove?: number;
  /** Whether to send the whole turn as one request, or, over `maxItems`, as one after another. Default: never. */
  readonly inSequence?: (items: readonly Item[]) => boolean;
  /** Performs a batch. Returns one result for each item, in order; an `Error` is the failure of that item. */
  readonly run: (items: readonly Item[]) => Promise<readonly (Result | Error)[]>;
}

/**
 * Collects the calls of one turn of the event loop and sends them as one request. While none is under way, calls wait
 * for the promises of the turn only: one that is alone gains nothing by waiting for others.
 */
export class Collector<Item, Result> {
  private readonly waiting: Entry<Item, Result>[] = [];
  private underWay = 0;

  constructor(private readonly options: CollectorOptions<Item, Result>) {}

  add(item: Item, size = 0): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.waiting.length === 0) {
        // After the promises of this turn, and then its I/O: calls that follow from one answer are collected too.
        process.nextTick(() => {
          if (this.underWay === 0) void this.flush();
          else setImmediate(() => void this.flush());
        });
      }
      this.waiting.push({ item, size, resolve, reject });
    });
  }

  private async flush(): Promise<void> {
    const entries = this.waiting.splice(0);
    const { maxItems, splitAbove = maxItems } = this.options;
    const inSequence = this.options.inSequence?.(entries.map(({ item }) => item)) ?? false;
    const half = Math.max(splitAbove, Math.ceil(entries.length / 2));
    const batches = this.split(entries, inSequence ? maxItems : Math.min(half, maxItems));
    for (const batch of batches) {
      const performed = this.perform(batch);
      if (inSequence && batches.length > 1) await performed;
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
    this.underWay += 1;
    try {
      const results = await this.options.run(batch.map(({ item }) => item));
      for (const [i, { resolve, reject }] of batch.entries()) {
        const result = results[i];
        if (result instanceof Error) reject(result);
        else resolve(result as Result);
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      this.underWay -= 1;
    }
  }
}
