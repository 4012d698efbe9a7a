import { type Browsed, type ReceivedMessage, toInstant } from '@syncline/contracts';
import { writeReceipt } from './receipt.js';
import { decodeRecord } from './record.js';
import type { DeliveredMessage, ReceiveReply } from './scripts/delivery.scripts.js';
import type { SeenMessage } from './scripts/queue.scripts.js';
import { messageId } from './token.js';

/** A delivery as its receiver sees it. */
export function toReceived(queue: string, reply: ReceiveReply, message: DeliveredMessage): ReceivedMessage {
  const { gen, secret, visibleUntil } = reply;
  const { token, failedDeliveries, record } = message;
  const receiveCount = failedDeliveries + 1;
  return {
    ...readMessage(gen, token, record),
    receipt: writeReceipt(secret, queue, { gen, token, delivery: receiveCount, size: record.length }),
    receiveCount,
    visibleUntil: toInstant(visibleUntil),
  };
}

/** A message as somebody sees it who only looks. */
export function toBrowsed(gen: string, message: SeenMessage): Browsed['messages'][number] {
  const { token, failedDeliveries, availableAt, record } = message;
  return {
    ...readMessage(gen, token, record),
    receiveCount: failedDeliveries,
    availableAt: availableAt === null ? null : toInstant(availableAt),
  };
}

function readMessage(gen: string, token: number, record: Buffer) {
  const { body, headers, enqueuedAt, priority, groupId, extra } = decodeRecord(record);
  return {
    id: extra?.id ?? messageId(gen, token),
    body: JSON.parse(body) as unknown,
    headers,
    enqueuedAt: toInstant(enqueuedAt),
    priority,
    groupId,
    ...(extra?.deadLetter && { deadLetter: extra.deadLetter }),
  };
}
