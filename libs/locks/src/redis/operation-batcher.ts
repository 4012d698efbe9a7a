import { isFull, isRefused } from '@syncline/redis';
import { type Operation, operate, operateFull } from './scripts/operations.js';
import type { ShardCalls } from './shard-calls.js';

/** Most operations in one script, so that none keeps Redis busy for long. */
const MOST_OPERATIONS = 64;

interface Pending {
  readonly operation: Operation<unknown>;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Sends the operations of one turn of the event loop together: each shard runs its own in one script, in their order.
 * What a script costs by itself, in Redis and here, is more than what an operation costs.
 *
 * An operation that comes by itself waits for the end of the turn only while others are under way: then more may come.
 */
export class OperationBatcher {
  private pending = new Map<number, Pending[]>();
  private count = 0;
  private underWay = 0;

  constructor(
    private readonly calls: Pick<ShardCalls, 'call'>,
    private readonly processId: string,
  ) {}

  add<Reply>(shard: number, operation: Operation<Reply>): Promise<Reply> {
    return new Promise<unknown>((resolve, reject) => {
      if (this.count === 0) {
        process.nextTick(() => {
          // What came together, as in a batch or over a call stream, is not to wait for what others may bring.
          if (this.count > 1 || this.underWay === 0) this.flush();
          else setImmediate(() => this.flush());
        });
      }
      this.count += 1;
      const others = this.pending.get(shard);
      if (others) others.push({ operation, resolve, reject });
      else this.pending.set(shard, [{ operation, resolve, reject }]);
    }) as Promise<Reply>;
  }

  private flush(): void {
    const shards = this.pending;
    // Another map, not this one cleared: V8 links what a map held before with what it holds next, so once a single
    // turn of it is old to the garbage collector, all that follow are kept until its next full run.
    this.pending = new Map();
    this.count = 0;
    for (const [shard, pending] of shards) {
      for (let at = 0; at < pending.length; at += MOST_OPERATIONS) {
        void this.perform(shard, pending.slice(at, at + MOST_OPERATIONS));
      }
    }
  }

  private async perform(shard: number, pending: readonly Pending[]): Promise<void> {
    const input = {
      shard,
      processId: this.processId,
      operations: pending.map(({ operation }) => operation),
    };
    this.underWay += 1;
    try {
      const replies = await this.calls.call(operate, input).catch((error: unknown) => {
        // Nothing was done: what holds a lease or a place goes on all the same.
        if (isFull(error)) return this.calls.call(operateFull, input);
        throw error;
      });
      for (const [i, { operation, resolve }] of pending.entries()) resolve(operation.read(replies[i] ?? []));
    } catch (error) {
      // One operation must not spoil the others.
      if (pending.length > 1 && isRefused(error)) for (const one of pending) void this.perform(shard, [one]);
      else for (const { reject } of pending) reject(error);
    } finally {
      this.underWay -= 1;
    }
  }
}
