import type { Extended, Nacked, Queue as QueueState, Watched } from '@syncline/contracts';
import type { Tracing } from '../../tracing.js';
import type { Guard } from '../heartbeats/heartbeat-thread.js';
import type { ExtendOptions, Message, NackOptions, ReceiveOptions } from '../message.js';
import type { OutgoingChained } from '../queue-port.js';

/** The part of a queue that a worker uses. */
export interface MessageSource<Body> {
  readonly tracing: Tracing | undefined;
  receiveUntil(
    signal: AbortSignal | undefined,
    options: Omit<ReceiveOptions, 'signal'>,
  ): Promise<Message<Body>[]>;
  ackAndSend(receipt: string, result: unknown, chain: readonly OutgoingChained[]): Promise<'acked' | 'stale'>;
  requeue(receipts: readonly string[], how: NackOptions): Promise<Nacked['results']>;
  giveBack(receipts: readonly string[]): Promise<void>;
  extend(
    receipts: readonly string[],
    visibilityTimeoutMs: number,
    options?: ExtendOptions,
  ): Promise<Extended['results']>;
  watch(receipts: readonly string[], waitMs: number, signal: AbortSignal): Promise<Watched['cancelled']>;
  inspect(): Promise<QueueState>;
  untilMade(waitMs: number, signal: AbortSignal): Promise<boolean>;
  /** @param maxBlockedMs as in the options of a worker */
  guard(maxBlockedMs: number): Guard;
}
