import type { Body } from './client.js';

/** What the clients of a run saw. Times are milliseconds of the clock that they share with Redis. */
export interface QueueHistory {
  readonly sends: SendRecord[];
  readonly deliveries: DeliveryRecord[];
  readonly ends: EndRecord[];
}

export interface SendRecord {
  readonly body: Body;
  readonly groupId: string | null;
  /** Null: nobody knows whether it was taken. */
  readonly id: string | null;
}

export interface DeliveryRecord {
  readonly id: string;
  readonly body: Body;
  readonly receiveCount: number;
  readonly enqueuedAt: number;
  readonly deliveredAt: number;
  readonly visibleUntil: number;
  /** Messages of one answer share it, in this order. */
  readonly batch: number;
}

/** An ack, nack, extension or cancel. `status` null: no answer; a cancel of what is not there is `stale`. */
export interface EndRecord {
  readonly kind: 'ack' | 'nack' | 'extend' | 'cancel';
  readonly id: string;
  readonly receiveCount: number;
  readonly invokedAt: number;
  readonly answeredAt: number;
  readonly status: string | null;
}
