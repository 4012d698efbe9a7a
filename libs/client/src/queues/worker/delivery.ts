import { CancelledError, type HandlerTimeoutError, LeaseLostError } from '../../errors.js';
import type { Tracing } from '../../tracing.js';
import { outgoing } from '../chain.js';
import type { Message, SendOptions } from '../message.js';
import type { OutgoingChained } from '../queue-port.js';
import { type Failure, failureOf } from './failure.js';

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

/** A message of a batch, with what a handler of single messages has as its context. */
export interface BatchItem<Body> extends HandlerContext {
  readonly message: Message<Body>;
  /**
   * Acknowledges this message now, without waiting for the end of the handler. Of this and {@link fail} the first call counts.
   *
   * @param result as what a handler of single messages returns
   */
  readonly done: (result?: unknown) => void;
  /** Gives this message back now, as if its handler had thrown this error. The others of the batch do not fail. */
  readonly fail: (error: unknown) => void;
}

/** Why a worker lost a message. */
export type LossReason = LeaseLostError | CancelledError | HandlerTimeoutError;

/** What a delivery asks of its worker. */
export interface DeliveryOwner<Body> {
  readonly tracing: Tracing | undefined;
  tell(delivery: Delivery<Body>, progress: unknown): Promise<void>;
  answer(delivery: Delivery<Body>, outcome: { readonly result: unknown } | { readonly error: unknown }): void;
  /** Called once. */
  lost(delivery: Delivery<Body>, why: LossReason): void;
}

/** A message that a worker has received and not yet acknowledged or given back. */
export class Delivery<Body> implements BatchItem<Body> {
  private controller: AbortController | undefined;
  /** Why the worker lost it. */
  loss: LossReason | undefined;
  /** What else its handler has with it. */
  batch: { readonly look: () => void } | undefined;
  /** The handler was called. */
  isBegun = false;
  /** Its ack or nack is on its way. */
  isAnswered = false;
  /** Resolves when that is answered: whether the message has ended. */
  ended: Promise<boolean> | undefined;
  /** A listener of the worker was told what became of it. */
  isTold = false;
  /** Where the thread for heartbeats finds it. */
  slot: number | undefined;
  /** Its body does not fit the schema: no other delivery would. */
  isUnfit = false;
  /** Set when it failed: what was thrown, and what is kept of that with the attempt. */
  failure: { readonly error: unknown; readonly text: Failure } | undefined;
  /** What the handler returned. */
  result: unknown;
  /** What it sends with the ack. */
  chain: readonly OutgoingChained[] = NOTHING;

  constructor(
    readonly number: number,
    /** With the body as the schema of the worker returned it. */
    public message: Message<Body>,
    /** The worker holds the message until this time of the client's clock. */
    public heldUntil: number,
    private readonly owner: DeliveryOwner<Body>,
  ) {}

  /** A getter, as are the others, so that a handler can take it apart from its context. */
  get send(): HandlerContext['send'] {
    return (queue, body, options = {}) => {
      if (this.isAnswered) throw new Error('The handler has ended: what it sends now would not be sent');
      if (this.chain.length === MAX_CHAIN)
        throw new RangeError(`A handler sends ${MAX_CHAIN} messages at most`);
      this.chain = [...this.chain, outgoing({ ...options, queue, body }, this.owner.tracing)];
    };
  }

  get progress(): (value: unknown) => Promise<void> {
    return (value) => this.owner.tell(this, value);
  }

  get done(): BatchItem<Body>['done'] {
    return (result) => this.owner.answer(this, { result });
  }

  get fail(): BatchItem<Body>['fail'] {
    return (error) => this.owner.answer(this, { error });
  }

  /** Created on first use: a signal costs more than the rest of a delivery. */
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.loss !== undefined) this.controller.abort(this.loss);
    }
    return this.controller.signal;
  }

  get isLost(): boolean {
    return this.loss !== undefined;
  }

  get isCancelled(): boolean {
    return this.loss instanceof CancelledError;
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

  failWith(error: unknown): void {
    this.failure = { error, text: failureOf(error) };
  }

  private end(why: LossReason): void {
    if (this.isAnswered || this.isLost) return;
    this.loss = why;
    this.controller?.abort(why);
    this.batch?.look();
    this.owner.lost(this, why);
  }
}
