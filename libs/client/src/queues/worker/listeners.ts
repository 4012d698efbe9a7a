import type { Message } from '../message.js';
import type { Delivery } from './delivery.js';
import type { WorkerOptions } from './worker-options.js';

/** Tells the listeners of a worker what becomes of its messages, of each once. What they throw goes to `onError`. */
export class Listeners {
  constructor(
    private readonly options: Pick<WorkerOptions, 'onDone' | 'onFailed' | 'onLost' | 'onIdle'>,
    private readonly report: (error: unknown, message: Message<unknown> | undefined) => void,
  ) {}

  done(delivery: Delivery<unknown>): void {
    const { onDone } = this.options;
    this.tell(delivery, onDone && (() => onDone(delivery.message, delivery.result)));
  }

  failed(delivery: Delivery<unknown>, status: 'requeued' | 'dead' | 'expired'): void {
    const { onFailed } = this.options;
    this.tell(delivery, onFailed && (() => onFailed(delivery.message, delivery.failure?.error, status)));
  }

  lost(delivery: Delivery<unknown>, reason: unknown): void {
    const { onLost } = this.options;
    this.tell(delivery, onLost && (() => onLost(delivery.message, reason)));
  }

  idle(): void {
    void this.call(this.options.onIdle, undefined);
  }

  private tell(delivery: Delivery<unknown>, listener: (() => unknown) | undefined): void {
    if (delivery.isTold || !delivery.isBegun) return;
    delivery.isTold = true;
    if (listener !== undefined) void this.call(listener, delivery.message);
  }

  private async call(
    listener: (() => unknown) | undefined,
    message: Message<unknown> | undefined,
  ): Promise<void> {
    try {
      await listener?.();
    } catch (error) {
      this.report(error, message);
    }
  }
}
