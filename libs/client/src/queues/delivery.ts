import { CancelledError, type HandlerTimeoutError, LeaseLostError } from '../errors.js';
import { outgoing } from './chain.js';
import type { Failure } from './failure.js';
import type { Message, SendOptions } from './message.js';
import type { OutgoingChained } from './queue-port.js';

/** Most messages that one acknowledgement sends. */
const MAX_CHAIN = 10;
const NOTHING: readonly OutgoingChained[] = [];

/** The second argument of a handler. */
export interface HandlerContext {
  /**
   * Aborts when the worker no longer holds the message: with a {@link CancelledError} when the message was cancelled, with a
   * {@link HandlerTimeoutError} when the handler takes too long, else with a {@link LeaseLostError}.
   */
  readonly signal: AbortSignal;
  /**
   * Tells how far the handler is, for those who look at the message, and extends its visibility timeout. Never fails: errors
   * go to `onError` of the worker.
   *
   * @param value any JSON value of at most 4 KiB
   */
  readonly progress: (value: unknown) => Promise<void>;
  /**
   * Sends a message with the acknowledgement of this one, in the same step: exactly once, and only if the handler returns and
   * the worker still holds the message then. Up to ten. When one of them is refused (its queue is full, it is too large, no
   * right to send there), this message is given back, as if the handler had thrown that error.
   *
   * @param queue where it goes: the same queue or another one, which is made when there is none
   * @param body any JSON value
   * @throws {TypeError} the body is not a JSON value; {RangeError} there are ten; {Error} the handler has ended
   */
  readonly send: (queue: string, body: unknown, options?: SendOptions) => void;
}

/** A message that a worker has received and not yet acknowledged or given back. */
export class Delivery<Body> implements HandlerContext {
  private controller: AbortController | undefined;
  private lost: LeaseLostError | CancelledError | HandlerTimeoutError | undefined;
  /** The handler was called. */
  isBegun = false;
  /** The handler has ended, and its ack or nack is on its way. */
  isAnswered = false;
  /** Where the thread for heartbeats finds it. */
  slot: number | undefined;
  /** Its body does not fit the schema: no other delivery would. */
  isUnfit = false;
  /** Set when the handler threw. */
  failure: Failure | undefined;
  /** What the handler returned. */
  result: unknown;
  /** What it sends with the ack. */
  chain: readonly OutgoingChained[] = NOTHING;

  constructor(
    readonly number: number,
    readonly message: Message<Body>,
    /** The worker holds the message until this time of the client's clock. */
    public heldUntil: number,
    private readonly extend: (delivery: Delivery<Body>, progress: unknown) => Promise<void>,
  ) {}

  /** A getter, as are the others, so that a handler can take it apart from its context. */
  get send(): HandlerContext['send'] {
    return (queue, body, options = {}) => {
      if (this.isAnswered) throw new Error('The handler has ended: what it sends now would not be sent');
      if (this.chain.length === MAX_CHAIN)
        throw new RangeError(`A handler sends ${MAX_CHAIN} messages at most`);
      this.chain = [...this.chain, outgoing({ ...options, queue, body })];
    };
  }

  get progress(): (value: unknown) => Promise<void> {
    return (value) => this.extend(this, value);
  }

  /** Created on first use: a signal costs more than the rest of a delivery. */
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.lost !== undefined) this.controller.abort(this.lost);
    }
    return this.controller.signal;
  }

  get isLost(): boolean {
    return this.lost !== undefined;
  }

  get isCancelled(): boolean {
    return this.lost instanceof CancelledError;
  }

  /** The handler took too long. */
  timeOut(why: HandlerTimeoutError): void {
    this.end(why);
  }

  lose(why: string): void {
    this.end(LeaseLostError.local(why));
  }

  cancel(reason: string | null): void {
    this.end(new CancelledError(this.message.id, reason));
  }

  private end(why: LeaseLostError | CancelledError | HandlerTimeoutError): void {
    if (this.isAnswered) return;
    this.lost ??= why;
    this.controller?.abort(this.lost);
  }
}

/**
 * Splits received messages into series that are handled one after the other: one series for the messages of each group,
 * in order, and one for each message without a group.
 */
export function splitIntoSeries<Body>(deliveries: readonly Delivery<Body>[]): Delivery<Body>[][] {
  const series: Delivery<Body>[][] = [];
  const groups: Record<string, Delivery<Body>[]> = Object.create(null);
  for (const delivery of deliveries) {
    const { groupId } = delivery.message;
    const group = groupId === null ? undefined : groups[groupId];
    if (group !== undefined) {
      group.push(delivery);
      continue;
    }
    const begun = [delivery];
    series.push(begun);
    if (groupId !== null) groups[groupId] = begun;
  }
  return series;
}
