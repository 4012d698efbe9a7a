import { messageId } from '../message-id.js';
import type { Delivery } from '../receipt.js';
import type { MessageContent } from '../record.js';

/** A message in flight. */
export interface DeliveredMessage {
  readonly id: string;
  /** What its receipt stands for. */
  readonly delivery: Delivery;
  /** How many of its earlier deliveries failed. */
  readonly failures: number;
  /** Milliseconds since 1970. */
  readonly enqueuedAt: number;
  readonly content: MessageContent;
}

/** What one receiver got at once. */
export interface Deliveries {
  /** Signs the receipts. */
  readonly secret: string;
  /** Milliseconds since 1970. */
  readonly visibleUntil: number;
  readonly messages: readonly DeliveredMessage[];
}

/** What a delivery that was given back adds to the count of deliveries, in which each that failed is 1 (scripts/parts/tries.lua). */
const GIVEN_BACK = 1_024;

export const failures = (tries: number): number => tries % GIVEN_BACK;

/**
 * @param tries deliveries that ended before, as counted in scripts/parts/tries.lua
 * @param at    when it was handed out, milliseconds since 1970
 */
export const delivered = (
  gen: string,
  token: number,
  tries: number,
  size: number,
  at: number,
  enqueuedAt: number,
  content: MessageContent,
): DeliveredMessage => ({
  id: content.extra?.id ?? messageId(gen, token),
  delivery: { gen, token, delivery: tries + 1, size, at },
  failures: failures(tries),
  enqueuedAt,
  content,
});
