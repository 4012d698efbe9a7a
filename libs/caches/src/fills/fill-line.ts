import type { DisconnectSignal } from '@syncline/runtime';
import { FillWaitTimeout } from '../entries/entries.errors.js';
import type { Entry } from '../entries/entry.js';

/** The value, the right to compute it, or both: a stale value and the right to refresh it. */
export interface Fill {
  readonly entry: Entry | null;
  /** Null: somebody else has it, or there is no need. */
  readonly fillLease: string | null;
}

/** What a caller wants of a fill. */
export interface FillWish {
  readonly waitMs: number;
  readonly leaseMs: number;
  readonly tags?: readonly string[] | undefined;
}

/** What Redis says to the callers that ask together: `lease` is the right of the first of them. */
export interface FillAnswer extends Fill {
  /** Nobody needs to compute the value. */
  readonly hit: boolean;
  /** Until the lease in force ends. */
  readonly leftMs: number;
  /** Name of the lease in force. */
  readonly name: string;
}

/** How a line speaks to Redis. */
export interface FillAsker {
  ask(first: FillWish, waits: { waits: boolean; othersWait: boolean }): Promise<FillAnswer>;
  giveBack(lease: string): Promise<void>;
}

interface Caller {
  readonly wish: FillWish;
  readonly deadline: number;
  readonly settle: (fill: Fill) => void;
  readonly fail: (error: Error) => void;
  /** Answered, or gone. */
  done: boolean;
}

/** Callers of one node that want one value which is not there. One question to Redis serves all that stand there then. */
export class FillLine {
  /** In the order in which they came. */
  private callers: Caller[] = [];
  private asking = false;
  /** Ask once more: something happened after the question was sent. */
  private again = false;
  /** The lease that they wait for. */
  private awaited: string | undefined;
  private timer: NodeJS.Timeout | undefined;

  /** @param onEmpty nobody stands here any more */
  constructor(
    private readonly asker: FillAsker,
    private readonly onEmpty: () => void,
  ) {}

  /** @throws FillWaitTimeout, FillFailed, the reason of `disconnect` */
  join(wish: FillWish, disconnect: DisconnectSignal): Promise<Fill> {
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timeout);
        disconnect.removeEventListener('abort', onAbort);
        caller.done = true;
        this.leave();
      };
      const onAbort = () => caller.fail(disconnect.reason);
      const caller: Caller = {
        wish,
        deadline: performance.now() + wish.waitMs,
        done: false,
        settle: (fill) => {
          end();
          resolve(fill);
        },
        fail: (error) => {
          end();
          reject(error);
        },
      };
      // Whoever does not wait is told by the answer.
      const timeout =
        wish.waitMs > 0 ? setTimeout(() => caller.fail(new FillWaitTimeout()), wish.waitMs) : undefined;
      disconnect.addEventListener('abort', onAbort);
      this.callers.push(caller);
      if (disconnect.aborted) onAbort();
      else void this.ask();
    });
  }

  /** The lease that they wait for may be over. */
  wake(): void {
    void this.ask();
  }

  /** The holder of a lease failed. */
  onFailed(lease: string, error: Error): void {
    // Who is being asked for gets a newer answer.
    if (this.asking || this.awaited !== lease) this.wake();
    else this.failAll(error);
  }

  failAll(error: Error): void {
    for (const caller of this.callers) caller.fail(error);
  }

  private async ask(): Promise<void> {
    if (this.asking) {
      this.again = true;
      return;
    }
    this.asking = true;
    try {
      do {
        this.again = false;
        await this.askFor([...this.callers]);
      } while (this.again && this.callers.length > 0);
    } finally {
      this.asking = false;
    }
  }

  private async askFor(callers: readonly Caller[]): Promise<void> {
    const [first] = callers;
    if (first === undefined) return;
    clearTimeout(this.timer);
    const now = performance.now();
    const waiting = callers.filter(({ deadline }) => now < deadline);
    let answer: FillAnswer;
    try {
      answer = await this.asker.ask(first.wish, {
        waits: waiting.length > 0,
        othersWait: waiting.some((caller) => caller !== first),
      });
      if (answer.fillLease !== null && first.done) {
        // It cannot be told, so it does not keep the lease.
        await this.asker.giveBack(answer.fillLease);
        this.again = true;
        return;
      }
    } catch (error) {
      for (const caller of callers) if (!caller.done) caller.fail(error as Error);
      return;
    }
    this.tell(callers, answer);
  }

  private tell(callers: readonly Caller[], { entry, fillLease, hit, leftMs, name }: FillAnswer): void {
    if (fillLease !== null) callers[0]?.settle({ entry, fillLease });
    for (const caller of callers) {
      if (caller.done) continue;
      if (entry !== null) caller.settle({ entry, fillLease: null });
      else if (!hit && caller.deadline <= performance.now()) caller.fail(new FillWaitTimeout());
    }
    // What was found was over when it arrived.
    if (hit && entry === null) this.again = true;
    this.awaited = name;
    clearTimeout(this.timer);
    if (this.callers.length > 0) this.timer = setTimeout(() => this.wake(), leftMs + 1);
  }

  private leave(): void {
    this.callers = this.callers.filter(({ done }) => !done);
    if (this.callers.length > 0) return;
    clearTimeout(this.timer);
    this.onEmpty();
  }
}
