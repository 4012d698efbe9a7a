import type { ReceivedMessage } from '@syncline/contracts';
import { arnOf, isFifo } from '../queue-address.js';
import type { Members } from '../wire/wire.js';
import { systemHeader, toAttributes } from './headers.js';
import { isBinary, type MessageAttributes, md5, md5OfAttributes } from './message-attributes.js';
import { messageUuid } from './message-uuid.js';

/** Which attributes a receiver wants to see. */
export interface Wanted {
  /** Names of system attributes, or `All`. */
  readonly system: readonly string[];
  /** Names, `prefix.*`, or `All`. */
  readonly attributes: readonly string[];
}

/**
 * A delivery as SQS shows it.
 *
 * @param place the id that it would have, had it been sent to this queue first
 */
export function showReceived(
  queue: string,
  message: ReceivedMessage,
  wanted: Wanted,
  region: string,
  place: string,
): Members {
  // Senders of other kinds send any JSON value.
  const body = typeof message.body === 'string' ? message.body : JSON.stringify(message.body);
  const attributes = select(toAttributes(message.headers), wanted.attributes);
  const system = systemAttributes(queue, message, region, place).filter(
    ([name, value]) => value !== undefined && (wanted.system.includes('All') || wanted.system.includes(name)),
  );
  return {
    MessageId: messageUuid(message.id),
    ReceiptHandle: message.receipt,
    MD5OfBody: md5(body),
    Body: body,
    ...(system.length > 0 && { Attributes: Object.fromEntries(system) }),
    ...(attributes.size > 0 && {
      MD5OfMessageAttributes: md5OfAttributes(attributes),
      MessageAttributes: Object.fromEntries(
        [...attributes].map(([name, { type, value }]) => [
          name,
          { DataType: type, [isBinary(type) ? 'BinaryValue' : 'StringValue']: value },
        ]),
      ),
    }),
  };
}

function systemAttributes(
  queue: string,
  { headers, enqueuedAt, receiveCount, groupId, deadLetter }: ReceivedMessage,
  region: string,
  place: string,
): (readonly [string, string | undefined])[] {
  const sentAt = String(Date.parse(enqueuedAt));
  return [
    ['SenderId', systemHeader(headers, 'SenderId') ?? 'anonymous'],
    ['SentTimestamp', sentAt],
    ['ApproximateReceiveCount', String(receiveCount)],
    // When an earlier delivery was is not kept.
    ['ApproximateFirstReceiveTimestamp', receiveCount === 1 ? String(Date.now()) : sentAt],
    ['AWSTraceHeader', systemHeader(headers, 'AWSTraceHeader')],
    ['MessageGroupId', groupId ?? systemHeader(headers, 'MessageGroupId')],
    ['DeadLetterQueueSourceArn', deadLetter && arnOf(deadLetter.queue, region)],
    ...(isFifo(queue)
      ? [
          ['MessageDeduplicationId', systemHeader(headers, 'MessageDeduplicationId')] as const,
          ['SequenceNumber', sequenceNumber(place)] as const,
        ]
      : []),
  ];
}

function select(attributes: MessageAttributes, names: readonly string[]): MessageAttributes {
  if (names.includes('All') || names.includes('.*')) return attributes;
  const prefixes = names.filter((name) => name.endsWith('.*')).map((name) => name.slice(0, -2));
  return new Map(
    [...attributes].filter(
      ([name]) => names.includes(name) || prefixes.some((prefix) => name.startsWith(prefix)),
    ),
  );
}

/** Grows with each message of a queue, also after a purge: a queue's generation is a time in microseconds. */
export function sequenceNumber(id: string): string {
  const [generation = '0', number = '0'] = id.split('-');
  return String(BigInt(generation) + BigInt(number)).padStart(20, '0');
}
