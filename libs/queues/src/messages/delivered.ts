import { type Browsed, type BrowseQuery, type Received, toInstant } from '@syncline/contracts';
import { type Delivery, writeReceipt } from '../redis/receipt.js';
import { decodeRecord, type MessageContent } from '../redis/record.js';
import type { Deliveries } from '../redis/scripts/delivery.scripts.js';
import type { SeenMessage } from '../redis/scripts/queue.scripts.js';
import { messageId } from '../redis/token.js';

/** Deliveries as their receiver sees them. */
export function toReceived(queue: string, deliveries: Deliveries): Received {
  const { gen, secret } = deliveries;
  const visibleUntil = toInstant(deliveries.visibleUntil);
  const instant = instants();
  return {
    messages: deliveries.messages.map((delivered) => {
      const { token, content, enqueuedAt } = delivered;
      const delivery = toDelivery(gen, delivered);
      // Not by spreading: that costs more than all the rest.
      return Object.assign(readMessage(gen, token, content, instant(enqueuedAt)), {
        receipt: writeReceipt(secret, queue, delivery),
        receiveCount: failures(delivered.tries) + 1,
        visibleUntil,
      });
    }),
  };
}

/** What a receipt for it stands for. */
export const toDelivery = (
  gen: string,
  { token, tries, size }: Deliveries['messages'][number],
): Delivery => ({ gen, token, delivery: tries + 1, size });

/** A message as somebody sees it who only looks. */
export function toBrowsed(
  gen: string,
  message: SeenMessage,
  state: BrowseQuery['state'],
): Browsed['messages'][number] {
  const { token, tries, availableAt, record } = message;
  const content = decodeRecord(record);
  return {
    ...readMessage(gen, token, content, toInstant(content.enqueuedAt)),
    receiveCount: failures(tries) + (state === 'inFlight' ? 1 : 0),
    availableAt: availableAt === null ? null : toInstant(availableAt),
  };
}

/** How many deliveries failed: what was given back is counted above (scripts/state.lua). */
const failures = (tries: number): number => tries % 1_024;

/** Messages that were sent together have one time: it is written once. */
function instants(): (ms: number) => string {
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

function readMessage(gen: string, token: number, content: MessageContent, enqueuedAt: string) {
  const { body, headers, priority, groupId, extra } = content;
  return {
    id: extra?.id ?? messageId(gen, token),
    body: JSON.parse(body) as unknown,
    headers,
    enqueuedAt,
    priority,
    groupId,
    deadLetter: extra?.deadLetter ?? undefined,
  };
}
