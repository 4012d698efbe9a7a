import { clock } from '../../clock.js';
import type { Guard } from '../heartbeats/heartbeat-thread.js';
import type { Message } from '../message.js';
import { Delivery, type DeliveryOwner } from './delivery.js';

/** The deliveries of a worker without an ack or nack yet. */
export class HeldDeliveries<Body> {
  /** By number. An object, not a map, for the sake of garbage collection: see `docs/decisions/garbage.md`. */
  private readonly deliveries: Record<number, Delivery<Body>> = Object.create(null);
  private lastNumber = 0;
  private held = 0;
  private begun = 0;
  /** Called when the last one was acknowledged or given back. */
  private onNone: () => void = () => undefined;

  constructor(
    private readonly guard: Guard,
    private readonly owner: DeliveryOwner<Body>,
  ) {}

  /** How many of them no handler was called with. */
  get waiting(): number {
    return this.held - this.begun;
  }

  /** In the order of their numbers. */
  all(): Delivery<Body>[] {
    return Object.values(this.deliveries);
  }

  /** @param askedAt before it was handed out, by the clock */
  add(message: Message<Body>, askedAt: number, visibilityTimeoutMs: number): Delivery<Body> {
    this.lastNumber += 1;
    const delivery = new Delivery(this.lastNumber, message, askedAt + visibilityTimeoutMs, this.owner);
    delivery.slot = this.guard.add(message.receipt, Math.min(clock.now() - askedAt, visibilityTimeoutMs));
    this.deliveries[delivery.number] = delivery;
    this.held += 1;
    return delivery;
  }

  has({ number }: Delivery<Body>): boolean {
    return this.deliveries[number] !== undefined;
  }

  /** A handler is called with it. */
  begin(delivery: Delivery<Body>): void {
    delivery.isBegun = true;
    this.begun += 1;
  }

  remove(delivery: Delivery<Body>): void {
    if (!this.has(delivery)) return;
    delete this.deliveries[delivery.number];
    this.guard.remove(delivery.slot);
    this.held -= 1;
    if (delivery.isBegun) this.begun -= 1;
    if (this.held === 0) this.onNone();
  }

  /** Resolves when there are none. */
  none(): Promise<void> {
    return new Promise((resolve) => {
      this.onNone = resolve;
      if (this.held === 0) resolve();
    });
  }
}
