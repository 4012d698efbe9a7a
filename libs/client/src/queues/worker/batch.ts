import type { Delivery } from './delivery.js';

/** The second argument of a handler of batches. */
export interface BatchContext {
  /**
   * Aborts when there is nothing left to do: the worker has lost those messages of the batch that were neither done nor failed,
   * or the handler takes too long. The signal of an item tells of its message alone.
   */
  readonly signal: AbortSignal;
}

/** The messages that one call of a handler has. */
export class Batch<Body> implements BatchContext {
  private controller: AbortController | undefined;

  constructor(private readonly deliveries: readonly Delivery<Body>[]) {
    for (const delivery of deliveries) delivery.batch = this;
  }

  /** Created on first use, as that of a delivery. A getter, so that a handler can take it apart from its context. */
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      this.look();
    }
    return this.controller.signal;
  }

  /** One of them was lost. */
  look(): void {
    const { controller, deliveries } = this;
    if (!deliveries.every(({ isAnswered, isLost }) => isAnswered || isLost)) return;
    const last = deliveries.findLast(({ isLost }) => isLost);
    if (last !== undefined) controller?.abort(last.loss);
  }
}
