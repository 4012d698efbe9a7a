import { hash } from 'node:crypto';
import { type NewMessage as GivenMessage, type Problem, ValidationFailed } from '@syncline/contracts';
import type { NewMessage } from '../redis/scripts/send.js';
import { MessageTooLarge } from './message.errors.js';

/**
 * What is sent to Redis of a message; its problem when it is ill-formed or too large.
 *
 * @param limit most bytes of its headers and its body together
 * @param size its bytes, where the caller counts them otherwise
 */
export function toNewMessage(
  message: GivenMessage | ValidationFailed,
  limit: number,
  size?: number,
): NewMessage | Problem {
  if (message instanceof ValidationFailed) return message;
  const { body, headers, priority, delayMs, groupId = null, ttlMs = null } = message;
  const deduplication = deduplicationOf(message);
  const text = JSON.stringify(body);
  const isTooLarge =
    size === undefined ? isLarger(typeof body === 'string' ? body : text, headers, limit) : size > limit;
  if (isTooLarge) return new MessageTooLarge(limit);
  return {
    content: { body: text, headers, priority, groupId, ttlMs, extra: null },
    delayMs,
    deduplication: deduplication === undefined ? '' : textOf(deduplication),
    replaces: deduplication?.keep === 'last',
  };
}

function isLarger(body: string, headers: Readonly<Record<string, string>>, limit: number): boolean {
  const texts = [body, ...Object.entries(headers).flat()];
  const units = texts.reduce((sum, text) => sum + text.length, 0);
  // A UTF-16 unit takes three bytes at most.
  if (units * 3 <= limit) return false;
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) > limit;
}

type Deduplication = NonNullable<GivenMessage['deduplication']>;

const deduplicationOf = ({ deduplicationId, deduplication }: GivenMessage): Deduplication | undefined =>
  deduplicationId === undefined ? deduplication : { id: deduplicationId, keep: 'first', until: 'sent' };

/** As the scripts read it. */
function textOf({ id, windowMs, keep, until }: Deduplication): string {
  const hashed = hash('sha256', id, 'base64url');
  const flags = (keep === 'last' ? 1 : 0) + (until === 'acked' ? 2 : 0);
  return windowMs === undefined && flags === 0 ? hashed : `${hashed} ${windowMs ?? ''} ${flags}`;
}
