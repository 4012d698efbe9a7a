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

/** An ack, nack or extension. `status` null: no answer. */
export interface EndRecord {
  readonly kind: 'ack' | 'nack' | 'extend';
  readonly id: string;
  readonly receiveCount: number;
  readonly invokedAt: number;
  readonly status: string | null;
}
