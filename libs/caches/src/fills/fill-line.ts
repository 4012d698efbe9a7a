import type { ErrorLog } from '@syncline/redis';
import { type DisconnectSignal, Loop, ParkedRequest } from '@syncline/runtime';
import { FillWaitTimeout } from '../entries/entries.errors.js';
import type { Entry } from '../entries/entry.js';

/** The value, the right to compute it, or both: a stale value and the right to refresh it. */
export interface Filled {
  readonly entry: Entry | null;
  /** Null: another caller has it, or there is no need. */
  readonly fillLease: string | null;
}

export interface FillOptions {
  readonly waitMs: number;
  readonly leaseMs: number;
  readonly tags?: readonly string[] | undefined;
}

/** What Redis answers to the callers that ask together: `fillLease` is the right of the first of them. */
export interface FillReply extends Filled {
  /** Nobody needs to compute the value. */
  readonly hit: boolean;
  /** Until the lease in force ends. */
  readonly leftMs: number;
  /** Name of the lease in force. */
  readonly name: string;
}

/** The fill leases of one key, in Redis. */
export interface FillLeases {
  request(first: FillOptions, waits: { waits: boolean; othersWait: boolean }): Promise<FillReply>;
  end(lease: string): Promise<void>;
}

interface Caller {
  readonly options: FillOptions;
  readonly deadline: number;
  readonly request: ParkedRequest<Filled>;
}

/** Callers of one node that want one value which is not there. One question to Redis serves all of them. */
export class FillLine {
  /** In the order in which they came. */
  private callers: Caller[] = [];
  private readonly questions: Loop;
  private asking = false;
  /** The lease that they wait for. */
  private awaited: string | undefined;

  /** @param onEmpty called when nobody waits here any more */
  constructor(
    private readonly leases: FillLeases,
    private readonly onEmpty: () => void,
    logger: ErrorLog,
  ) {
    this.questions = new Loop(() => this.ask(), Number.POSITIVE_INFINITY, logger);
    this.questions.start();
  }

  /** @throws FillWaitTimeout, FillFailed, the reason of `disconnect`, what `request` was failed with */
  async join(
    options: FillOptions,
    request: ParkedRequest<Filled>,
    disconnect: DisconnectSignal,
  ): Promise<Filled> {
    const { waitMs } = options;
    this.callers.push({ options, deadline: performance.now() + waitMs, request });
    // A caller that does not wait gets its answer from the reply.
    const onDeadline = () => waitMs > 0 && request.fail(new FillWaitTimeout());
    const filled = request.wait(waitMs, onDeadline, disconnect);
    if (request.open) void this.questions.run();
    try {
      return await filled;
    } finally {
      this.leave();
    }
  }

  /** The lease that they wait for may be over. */
  wake(): void {
    void this.questions.run();
  }

  /** The holder of a lease failed. */
  onFailed(lease: string, error: Error): void {
    // The answer to a question that is under way is newer.
    if (this.asking || this.awaited !== lease) this.wake();
    else this.failAll(error);
  }

  failAll(error: unknown): void {
    for (const { request } of this.callers) request.fail(error);
  }

  private async ask(): Promise<void> {
    const callers = this.callers.filter(({ request }) => request.open);
    const [first] = callers;
    if (first === undefined) return;
    const now = performance.now();
    const waiting = callers.filter(({ deadline }) => now < deadline);
    this.asking = true;
    try {
      const reply = await this.leases.request(first.options, {
        waits: waiting.length > 0,
        othersWait: waiting.some((caller) => caller !== first),
      });
      if (reply.fillLease !== null && !first.request.open) {
        // Its caller is gone, so it does not keep the lease.
        await this.leases.end(reply.fillLease);
        this.wake();
        return;
      }
      this.answer(callers, reply);
    } catch (error) {
      for (const { request } of callers) request.fail(error);
    } finally {
      this.asking = false;
    }
  }

  private answer(callers: readonly Caller[], { entry, fillLease, hit, leftMs, name }: FillReply): void {
    if (fillLease !== null) callers[0]?.request.end({ entry, fillLease });
    for (const { request, deadline } of callers) {
      if (!request.open) continue;
      if (entry !== null) request.end({ entry, fillLease: null });
      else if (!hit && deadline <= performance.now()) request.fail(new FillWaitTimeout());
    }
    this.awaited = name;
    // What was found was over when it arrived.
    if (hit && entry === null) this.wake();
    else if (this.callers.some(({ request }) => request.open)) this.questions.within(leftMs + 1);
  }

  private leave(): void {
    this.callers = this.callers.filter(({ request }) => request.open);
    if (this.callers.length > 0) return;
    void this.questions.stop();
    this.onEmpty();
  }
}
