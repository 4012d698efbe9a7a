import { type Browsed, type Received, toInstant } from '@syncline/contracts';
import { writeReceipt } from './receipt.js';
import { decodeRecord } from './record.js';
import type { ReceiveReply } from './scripts/delivery.scripts.js';
import type { SeenMessage } from './scripts/queue.scripts.js';
import { messageId } from './token.js';

type Instants = (ms: number) => string;

/** Deliveries as their receiver sees them. */
export function toReceived(queue: string, reply: ReceiveReply): Received {
  const { gen, secret } = reply;
  const visibleUntil = toInstant(reply.visibleUntil);
  const instant = instants();
  return {
    messages: reply.messages.map(({ token, failedDeliveries, record }) => {
      const receiveCount = failedDeliveries + 1;
      const delivery = { gen, token, delivery: receiveCount, size: record.length };
      return {
        ...readMessage(gen, token, record, instant),
        receipt: writeReceipt(secret, queue, delivery),
        receiveCount,
        visibleUntil,
      };
    }),
  };
}

/** A message as somebody sees it who only looks. */
export function toBrowsed(gen: string, message: SeenMessage): Browsed['messages'][number] {
  const { token, failedDeliveries, availableAt, record } = message;
  return {
    ...readMessage(gen, token, record, toInstant),
    receiveCount: failedDeliveries,
    availableAt: availableAt === null ? null : toInstant(availableAt),
  };
}

/** Messages that were sent together have one time: it is written once. */
function instants(): Instants {
  let last = Number.NaN;
  let text = '';
  return (ms) => {
    if (ms !== last) {
      last = ms;
      text = toInstant(ms);
    }
    return text;
  };
}

function readMessage(gen: string, token: number, record: Buffer, instant: Instants) {
  const { body, headers, enqueuedAt, priority, groupId, extra } = decodeRecord(record);
  return {
    id: extra?.id ?? messageId(gen, token),
    body: JSON.parse(body) as unknown,
    headers,
    enqueuedAt: instant(enqueuedAt),
    priority,
    groupId,
    ...(extra?.deadLetter && { deadLetter: extra.deadLetter }),
  };
}
