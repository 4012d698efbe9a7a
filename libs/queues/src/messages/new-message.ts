import { hash } from 'node:crypto';
import {
  type NewMessage as GivenMessage,
  MAX_MESSAGE_BYTES,
  type Problem,
  ValidationFailed,
} from '@syncline/contracts';
import type { NewMessage } from '../redis/scripts/send.js';
import { MessageTooLarge } from './message.errors.js';

/** What is sent to Redis of a message; its problem when it is ill-formed or too large. */
export function toNewMessage(message: GivenMessage | ValidationFailed): NewMessage | Problem {
  if (message instanceof ValidationFailed) return message;
  const { body, headers, priority, delayMs, groupId = null, ttlMs = null, deduplicationId } = message;
  const text = JSON.stringify(body);
  if (isTooLarge(typeof body === 'string' ? body : text, headers)) {
    return new MessageTooLarge(MAX_MESSAGE_BYTES);
  }
  return {
    content: { body: text, headers, priority, groupId, ttlMs, extra: null },
    delayMs,
    deduplicationHash: deduplicationId === undefined ? '' : hash('sha256', deduplicationId, 'base64url'),
  };
}

function isTooLarge(body: string, headers: Readonly<Record<string, string>>): boolean {
  const texts = [body, ...Object.entries(headers).flat()];
  const units = texts.reduce((sum, text) => sum + text.length, 0);
  // A UTF-16 unit takes three bytes at most.
  if (units * 3 <= MAX_MESSAGE_BYTES) return false;
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) > MAX_MESSAGE_BYTES;
}
