import type { Durability } from '@syncline/contracts';
import { decodeRecord } from '../record.js';
import { dueIn, keys, levelOf, type QueueCall } from './call.js';
import { type DeliveredMessage, type Deliveries, delivered } from './deliveries.js';
import { library } from './library.js';
import type { Waiter } from './waiters.js';

/** A receive that may be repeated. */
export interface ReceiveAttempt {
  /** Chosen by the caller: the same id is the same receive. */
  readonly id: string;
  /** Of this call of it. */
  readonly claim: string;
}

/** What a receiver asks for. */
export interface ReceiveOptions {
  /** How many messages at most. */
  readonly max: number;
  /** Undefined: the queue's. */
  readonly visibilityTimeoutMs?: number | undefined;
  readonly attempt?: ReceiveAttempt | undefined;
}

export interface ReceiveReply extends Deliveries {
  readonly dueInMs: number | null;
  /** Messages that wait to be brought to another queue. */
  readonly outboxLength: number;
  /** Of the waiter that was parked. */
  readonly arrival: string;
  /** How safe it must be before it is told: of messages, what the queue says. */
  readonly durability: Durability;
}

const HEADER = 7;

/** Parks the waiter when there is nothing. Null: there is no such queue. */
export const receive = library.command({
  name: 'receive',
  keys,
  args: (input: QueueCall & ReceiveOptions & { readonly waiter: Waiter | null }) => [
    input.max,
    input.visibilityTimeoutMs ?? '',
    input.waiter?.id ?? '',
    input.waiter?.arrival ?? '',
    input.timersNode,
    ...(input.attempt ? [input.attempt.id, input.attempt.claim] : []),
  ],
  binary: true,
  decode: (reply): ReceiveReply | null => {
    if (reply === null) return null;
    const values = reply as (Buffer | number)[];
    const gen = String(values[0]);
    const at = Number(values[6]);
    const messages: DeliveredMessage[] = [];
    let i = HEADER;
    for (; i + 2 < values.length; i += 3) {
      const [token, tries, record] = [values[i] as number, values[i + 1] as number, values[i + 2] as Buffer];
      const content = decodeRecord(record);
      messages.push(delivered(gen, token, tries, record.length, at, content.enqueuedAt, content));
    }
    return {
      secret: String(values[1]),
      visibleUntil: Number(values[2]),
      dueInMs: dueIn(Number(values[3])),
      outboxLength: Number(values[4]),
      arrival: String(values[5]),
      durability: levelOf(values[i]),
      messages,
    };
  },
});
