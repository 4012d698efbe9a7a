import { LeaseLostError } from '../errors.js';
import type { Message } from './message.js';

/** What a handler is told beside its message. */
export interface HandlerContext {
  /** Aborts with a {@link LeaseLostError} when the message is no longer this worker's. */
  readonly signal: AbortSignal;
}

/** A message that a worker has received and not yet answered for. */
export class Delivery<Body> implements HandlerContext {
  private controller: AbortController | undefined;
  private lost: LeaseLostError | undefined;
  /** Its handler was called. */
  isBegun = false;
  /** Its handler has ended: the answer is on its way. */
  isAnswered = false;

  constructor(
    readonly number: number,
    readonly message: Message<Body>,
    /** It is ours until then, by {@link clock}. */
    public heldUntil: number,
  ) {}

  /** Made when a handler asks for it: a signal costs more than the rest of a delivery. */
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

  lose(why: string): void {
    if (this.isAnswered) return;
    this.lost ??= LeaseLostError.local(why);
    this.controller?.abort(this.lost);
  }
}

/**
 * Parts what was received at once into what is handled one after the other: the messages of a group, in their order,
 * and every other one by itself.
 */
export function inSeries<Body>(deliveries: readonly Delivery<Body>[]): Delivery<Body>[][] {
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
