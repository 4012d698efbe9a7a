import { PayloadTooLargeError, ProblemError, toError, ValidationError } from '../../errors.js';
import type { Message } from '../message.js';
import type { Delivery } from './delivery.js';
import type { MessageSource } from './message-source.js';
import type { QueueSettings } from './queue-settings.js';

/** A result that is no JSON value, or too large. */
const REFUSALS = [TypeError, ValidationError, PayloadTooLargeError];

type Requeued = 'requeued' | 'dead' | 'expired' | 'stale';

/** What a worker says of its messages when their handlers have ended. */
export class Answers<Body> {
  constructor(
    private readonly queue: Pick<MessageSource<Body>, 'ackAndSend' | 'requeue' | 'tracing'>,
    private readonly settings: QueueSettings,
    private readonly report: (error: unknown, message: Message<unknown>) => void,
  ) {}

  /** Acknowledges a message, or gives it back. */
  tell(delivery: Delivery<Body>): Promise<'acked' | Requeued> {
    const { tracing } = this.queue;
    if (tracing === undefined) return this.answer(delivery);
    const { message, failure } = delivery;
    const operation = failure === undefined ? 'ack' : 'nack';
    const settlement = { operation, queue: message.queue, count: 1, message } as const;
    return tracing.settle(settlement, () => this.answer(delivery));
  }

  private answer(delivery: Delivery<Body>): Promise<'acked' | Requeued> {
    return delivery.failure === undefined ? this.done(delivery) : this.failed(delivery);
  }

  /** The handler returned. What it sends with its ack may be refused: then it failed. */
  private async done(delivery: Delivery<Body>): Promise<'acked' | Requeued> {
    try {
      return await this.ack(delivery);
    } catch (error) {
      if (delivery.chain.length === 0 || !isRefusal(error)) throw error;
      this.report(error, delivery.message);
      delivery.failWith(error);
      return this.failed(delivery);
    }
  }

  /** The message was handled: a result that cannot be kept is no reason to handle it again. */
  private async ack({ message, result, chain }: Delivery<Body>): Promise<'acked' | 'stale'> {
    const { receipt } = message;
    if (result === undefined || !this.settings.keepsResults) {
      return this.queue.ackAndSend(receipt, undefined, chain);
    }
    try {
      return await this.queue.ackAndSend(receipt, result, chain);
    } catch (error) {
      if (!REFUSALS.some((refusal) => error instanceof refusal)) throw error;
      this.report(error, message);
      return this.queue.ackAndSend(receipt, undefined, chain);
    }
  }

  /** The handler threw: the message is given back, with the reason. */
  private async failed({ message, failure, isUnfit: dead }: Delivery<Body>): Promise<Requeued> {
    const delayMs = this.settings.retryDelayMs(message.receiveCount);
    const how = { ...failure?.text, dead, ...(delayMs === undefined ? {} : { delayMs }) };
    const [result] = await this.queue.requeue([message.receipt], how);
    if (result === undefined || 'problem' in result) throw toError(result?.status ?? 200, result?.problem);
    return result.status;
  }
}

/** The call had no effect. */
const isRefusal = (error: unknown): boolean => error instanceof ProblemError && error.status < 500;
