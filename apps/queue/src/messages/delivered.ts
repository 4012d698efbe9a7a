import { type ReceivedMessage, toInstant } from '@syncline/contracts';
import { writeReceipt } from './receipt.js';
import { decodeRecord } from './record.js';
import type { DeliveredMessage, ReceiveReply } from './scripts/delivery.scripts.js';
import { messageId } from './token.js';

/** A delivery as its receiver sees it. */
export function toReceived(queue: string, reply: ReceiveReply, message: DeliveredMessage): ReceivedMessage {
  const { gen, secret, visibleUntil } = reply;
  const { token, failedDeliveries, record } = message;
  const { body, headers, enqueuedAt, priority, groupId, extra } = decodeRecord(record);
  const receiveCount = failedDeliveries + 1;
  return {
    id: extra?.id ?? messageId(gen, token),
    body: JSON.parse(body),
    headers,
    receipt: writeReceipt(secret, queue, { gen, token, delivery: receiveCount, size: record.length }),
    receiveCount,
    enqueuedAt: toInstant(enqueuedAt),
    visibleUntil: toInstant(visibleUntil),
    priority,
    groupId,
    deadLetter: extra?.deadLetter ?? null,
  };
}
