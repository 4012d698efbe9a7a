import type { Queue } from '@syncline/contracts';
import { arnOf, isFifo } from '../queue-address.js';
import { ERRORS, SqsError } from '../sqs-error.js';
import { type Attributes, FOR_EVER, MOST_RECEIVES, OF_ENGINE } from './given-attributes.js';
import type { Labels } from './labels.js';

/** All attributes of a queue, wherever they are kept. */
export function attributesOf(queue: Queue, labels: Labels, region: string): Attributes {
  const { name, stats, visibilityTimeoutMs, retentionMs, maxReceives, deadLetterQueue, maxMessageBytes } =
    queue;
  const fifo = isFifo(name);
  const kept = Object.entries(labels.attributes).filter(([attribute]) => !OF_ENGINE.has(attribute));
  return {
    QueueArn: arnOf(name, region),
    ApproximateNumberOfMessages: String(stats.ready),
    ApproximateNumberOfMessagesNotVisible: String(stats.inFlight),
    ApproximateNumberOfMessagesDelayed: String(stats.delayed),
    CreatedTimestamp: String(labels.createdAt ?? 0),
    LastModifiedTimestamp: String(labels.changedAt ?? 0),
    VisibilityTimeout: seconds(visibilityTimeoutMs),
    MessageRetentionPeriod: seconds(retentionMs),
    MaximumMessageSize: String(maxMessageBytes),
    DelaySeconds: '0',
    ReceiveMessageWaitTimeSeconds: '0',
    SqsManagedSseEnabled: 'false',
    ...(maxReceives <= MOST_RECEIVES && {
      RedrivePolicy: JSON.stringify({
        deadLetterTargetArn: arnOf(deadLetterQueue, region),
        maxReceiveCount: maxReceives,
      }),
    }),
    ...(fifo && {
      FifoQueue: 'true',
      ContentBasedDeduplication: 'false',
      DeduplicationScope: 'queue',
      FifoThroughputLimit: 'perQueue',
    }),
    ...Object.fromEntries(kept),
  };
}

/** Whether dead letters of the one go to the other. */
export const isSourceOf = (target: string, { deadLetterQueue, maxReceives }: Queue): boolean =>
  deadLetterQueue === target && maxReceives < FOR_EVER;

const seconds = (ms: number) => String(Math.floor(ms / 1_000));

const KNOWN = new Set([
  ...['All', 'Policy', 'VisibilityTimeout', 'MaximumMessageSize', 'MessageRetentionPeriod', 'DelaySeconds'],
  ...['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible', 'CreatedTimestamp'],
  ...[
    'LastModifiedTimestamp',
    'QueueArn',
    'ApproximateNumberOfMessagesDelayed',
    'ReceiveMessageWaitTimeSeconds',
  ],
  ...[
    'RedrivePolicy',
    'FifoQueue',
    'ContentBasedDeduplication',
    'KmsMasterKeyId',
    'KmsDataKeyReusePeriodSeconds',
  ],
  ...['DeduplicationScope', 'FifoThroughputLimit', 'RedriveAllowPolicy', 'SqsManagedSseEnabled'],
]);

/** @throws SqsError for a name that is of no attribute */
export function selectAttributes(all: Attributes, names: readonly string[]): Attributes {
  const unknown = names.find((name) => !KNOWN.has(name));
  if (unknown !== undefined) throw new SqsError(ERRORS.invalidAttributeName, `Unknown Attribute ${unknown}.`);
  if (names.includes('All')) return all;
  return Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)));
}
