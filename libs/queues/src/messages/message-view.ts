import { type Browsed, type Received, toInstant } from '@syncline/contracts';
import { writeReceipt } from '../redis/receipt.js';
import type { MessageContent } from '../redis/record.js';
import type { BrowsedMessage } from '../redis/scripts/browse.js';
import type { Deliveries } from '../redis/scripts/deliveries.js';

/** Deliveries as their receiver sees them. */
export function toReceived(queue: string, deliveries: Deliveries): Received {
  const { secret, messages } = deliveries;
  const visibleUntil = toInstant(deliveries.visibleUntil);
  const instant = instants();
  return {
    messages: messages.map(({ id, delivery, failures, enqueuedAt, content }) =>
      // Not by spreading: that costs more than all the rest.
      Object.assign(viewOf(id, content, instant(enqueuedAt)), {
        receipt: writeReceipt(secret, queue, delivery),
        receiveCount: failures + 1,
        visibleUntil,
      }),
    ),
  };
}

/** A message as somebody sees it who only looks. */
export function toBrowsed({
  id,
  failures,
  inFlight,
  availableAt,
  content,
}: BrowsedMessage): Browsed['messages'][number] {
  return {
    ...viewOf(id, content, toInstant(content.enqueuedAt)),
    receiveCount: failures + (inFlight ? 1 : 0),
    availableAt: availableAt === null ? null : toInstant(availableAt),
  };
}

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

function viewOf(id: string, content: MessageContent, enqueuedAt: string) {
  const { body, headers, priority, groupId, extra } = content;
  return {
    id,
    body: JSON.parse(body) as unknown,
    headers,
    enqueuedAt,
    priority,
    groupId,
    deadLetter: extra?.deadLetter ?? undefined,
  };
}
