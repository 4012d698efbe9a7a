import { hash } from 'node:crypto';
import { type NewMessage as GivenMessage, type Problem, ValidationFailed } from '@syncline/contracts';
import type { NewMessage } from '../redis/scripts/send.js';
import { MessageTooLarge } from './message.errors.js';

/**
 * What is sent to Redis of a message; its problem when it is ill-formed or too large.
 *
 * @param limit most bytes of its headers and its body together
 */
export function toNewMessage(message: GivenMessage | ValidationFailed, limit: number): NewMessage | Problem {
  if (message instanceof ValidationFailed) return message;
  const { body, headers, priority, delayMs, groupId = null, ttlMs = null, deduplicationId } = message;
  const text = JSON.stringify(body);
  if (isLarger(typeof body === 'string' ? body : text, headers, limit)) return new MessageTooLarge(limit);
  return {
    content: { body: text, headers, priority, groupId, ttlMs, extra: null },
    delayMs,
    deduplicationHash: deduplicationId === undefined ? '' : hash('sha256', deduplicationId, 'base64url'),
  };
}

function isLarger(body: string, headers: Readonly<Record<string, string>>, limit: number): boolean {
  const texts = [body, ...Object.entries(headers).flat()];
  const units = texts.reduce((sum, text) => sum + text.length, 0);
  // A UTF-16 unit takes three bytes at most.
  if (units * 3 <= limit) return false;
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) > limit;
}
