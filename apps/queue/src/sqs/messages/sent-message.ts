import { hash } from 'node:crypto';
import type { Send } from '@syncline/contracts';
import type { Labels } from '../attributes/labels.js';
import { isFifo } from '../queue-address.js';
import { ERRORS, invalidValue, SqsError } from '../sqs-error.js';
import type { Fields } from '../wire/fields.js';
import type { Members } from '../wire/wire.js';
import { toHeaders } from './headers.js';
import {
  checkText,
  md5,
  md5OfAttributes,
  readMessageAttributes,
  sizeOfAttributes,
} from './message-attributes.js';

/** Most bytes of a message, and of a batch of them. */
export const MAX_MESSAGE = 1_048_576;
const DELAY = { min: 0, max: 900, reason: 'DelaySeconds must be >= 0 and <= 900.' };
const ID = /^[\x21-\x7e]{1,128}$/;

type NewMessage = Exclude<Send['messages'][number], Error>;

/** A message to be sent, and the digests by which its sender checks that it arrived as it was. */
export interface SentMessage {
  readonly message: NewMessage;
  /** Bytes of the body and of the attributes, as SQS counts them. */
  readonly size: number;
  readonly digests: Members;
}

/** What every message to a FIFO queue needs: a batch is refused as a whole when one lacks it. @throws SqsError */
export function requireFifoIds(queue: string, fields: Fields, { attributes }: Labels): void {
  if (!isFifo(queue)) return;
  fields.text('MessageGroupId');
  const isById = attributes.ContentBasedDeduplication !== 'true';
  if (!isById || fields.optionalText('MessageDeduplicationId') !== undefined) return;
  throw new SqsError(
    ERRORS.invalidParameterValue,
    'The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly',
  );
}

/** @throws SqsError */
export function readSentMessage(
  queue: string,
  fields: Fields,
  labels: Labels,
  sender: string | null,
): SentMessage {
  const body = fields.text('MessageBody');
  checkText('MessageBody', body);
  const attributes = readMessageAttributes('MessageAttributes', fields.map('MessageAttributes'));
  const system = readMessageAttributes('MessageSystemAttributes', fields.map('MessageSystemAttributes'));
  for (const [name, { type }] of system) {
    if (name === 'AWSTraceHeader' && type === 'String') continue;
    throw invalidValue('MessageSystemAttributes', name, 'There is only AWSTraceHeader, a String.');
  }
  const group = readId('MessageGroupId', fields);
  const fifo = isFifo(queue)
    ? fifoFields(body, group, fields, labels)
    : standardFields(group, fields, labels);
  return {
    message: {
      body,
      headers: toHeaders(attributes, {
        AWSTraceHeader: system.get('AWSTraceHeader')?.value,
        SenderId: sender ?? undefined,
        MessageDeduplicationId: fifo.deduplication,
        MessageGroupId: fifo.fields.groupId === undefined ? group : undefined,
      }),
      priority: 0,
      ...fifo.fields,
    },
    size: Buffer.byteLength(body) + sizeOfAttributes(attributes),
    digests: {
      MD5OfMessageBody: md5(body),
      MD5OfMessageAttributes: md5OfAttributes(attributes),
      MD5OfMessageSystemAttributes: md5OfAttributes(system),
    },
  };
}

interface OfKind {
  readonly fields: Pick<NewMessage, 'delayMs' | 'groupId' | 'deduplicationId'>;
  readonly deduplication?: string;
}

function standardFields(
  group: string | undefined,
  fields: Fields,
  { attributes, groupsTakeTurns = false }: Labels,
): OfKind {
  if (fields.optionalText('MessageDeduplicationId') !== undefined) {
    throw invalidForKind('MessageDeduplicationId', fields.optionalText('MessageDeduplicationId'));
  }
  const delay = fields.integer('DelaySeconds', DELAY) ?? Number(attributes.DelaySeconds ?? 0);
  return { fields: { delayMs: delay * 1_000, groupId: groupsTakeTurns ? group : undefined } };
}

function fifoFields(body: string, group: string | undefined, fields: Fields, { attributes }: Labels): OfKind {
  const delay = fields.integer('DelaySeconds', DELAY);
  if (delay !== undefined && delay !== 0) throw invalidForKind('DelaySeconds', delay);
  const deduplication = readId('MessageDeduplicationId', fields) ?? hash('sha256', body, 'hex');
  const isOfGroup = attributes.DeduplicationScope === 'messageGroup';
  return {
    fields: {
      delayMs: Number(attributes.DelaySeconds ?? 0) * 1_000,
      groupId: group,
      // A space is in neither of them.
      deduplicationId: isOfGroup ? `${group} ${deduplication}` : deduplication,
    },
    deduplication,
  };
}

/** @throws SqsError */
export function readId(name: string, fields: Fields): string | undefined {
  const id = fields.optionalText(name);
  if (id === undefined || ID.test(id)) return id;
  throw invalidValue(
    name,
    id,
    `${name} can only include alphanumeric and punctuation characters. 1 to 128 in length.`,
  );
}

export const invalidForKind = (name: string, value: unknown) =>
  invalidValue(name, value, 'The request include parameter that is not valid for this queue type.');
