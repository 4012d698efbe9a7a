import { deadLettersOf, type PutQueue } from '@syncline/contracts';
import { isFifo, neighbourInArn } from '../queue-address.js';
import { ERRORS, invalidValue, SqsError } from '../sqs-error.js';

/** Attributes of a queue as a caller gives them: texts by name. */
export type Attributes = Readonly<Record<string, string>>;

interface Range {
  readonly min: number;
  readonly max: number;
}
const HALF_A_DAY_S = 43_200;
const MAX_MESSAGE = 1_048_576;

const NUMBERS = new Map<string, Range>(
  Object.entries({
    DelaySeconds: { min: 0, max: 900 },
    MaximumMessageSize: { min: 1_024, max: MAX_MESSAGE },
    MessageRetentionPeriod: { min: 60, max: 1_209_600 },
    ReceiveMessageWaitTimeSeconds: { min: 0, max: 20 },
    VisibilityTimeout: { min: 0, max: HALF_A_DAY_S },
    KmsDataKeyReusePeriodSeconds: { min: 60, max: 86_400 },
  }),
);
const WORDS = new Map<string, readonly string[]>(
  Object.entries({
    ContentBasedDeduplication: ['true', 'false'],
    SqsManagedSseEnabled: ['true', 'false'],
    FifoQueue: ['true'],
    DeduplicationScope: ['queue', 'messageGroup'],
    FifoThroughputLimit: ['perQueue', 'perMessageGroupId'],
  }),
);
/** Each empty, or JSON. */
const OBJECTS = new Map<string, (value: Readonly<Record<string, unknown>>) => boolean>([
  ['Policy', (value) => Object.hasOwn(value, 'Statement')],
  ['RedriveAllowPolicy', isRedriveAllowPolicy],
]);
const TEXTS = new Set(['KmsMasterKeyId', 'RedrivePolicy']);
const FIFO_ONLY = new Set([
  'FifoQueue',
  'ContentBasedDeduplication',
  'DeduplicationScope',
  'FifoThroughputLimit',
]);

/** Deliveries of a message until it is dead where nobody asked for dead letters. */
export const FOR_EVER = 1_000_000_000;
export const MOST_RECEIVES = 1_000;

/** @throws SqsError for an attribute that there is none, or a value that it cannot have */
export function checkAttributes(queue: string, pairs: readonly (readonly [string, string])[]): Attributes {
  for (const [name, value] of pairs) {
    const is = ruleOf(name);
    if (is === undefined || (FIFO_ONLY.has(name) && !isFifo(queue))) {
      throw new SqsError(ERRORS.invalidAttributeName, `Unknown Attribute ${name}.`);
    }
    if (!is(value)) {
      throw new SqsError(ERRORS.invalidAttributeValue, `Invalid value for the parameter ${name}.`);
    }
  }
  checkEncryption(Object.fromEntries(pairs));
  return Object.fromEntries(pairs);
}

/** @throws SqsError for both kinds at once */
function checkEncryption({ KmsMasterKeyId, SqsManagedSseEnabled }: Attributes): void {
  if (!KmsMasterKeyId || SqsManagedSseEnabled !== 'true') return;
  throw new SqsError(
    ERRORS.invalidAttributeValue,
    'You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.',
  );
}

/** Which values an attribute may have; undefined: there is no such attribute. */
function ruleOf(name: string): ((value: string) => boolean) | undefined {
  const range = NUMBERS.get(name);
  if (range)
    return (value) => /^\d{1,10}$/.test(value) && Number(value) >= range.min && Number(value) <= range.max;
  const words = WORDS.get(name);
  if (words) return (value) => words.includes(value);
  const isObject = OBJECTS.get(name);
  if (isObject) return (value) => value === '' || isObject(objectIn(value));
  return TEXTS.has(name) ? () => true : undefined;
}

/** Without members for what is no object. */
function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>;
  } catch {
    return {};
  }
}

const MOST_SOURCES = 10;
function isRedriveAllowPolicy({
  redrivePermission,
  sourceQueueArns,
}: Readonly<Record<string, unknown>>): boolean {
  if (redrivePermission !== 'byQueue') {
    return ['allowAll', 'denyAll'].includes(String(redrivePermission)) && sourceQueueArns === undefined;
  }
  return (
    Array.isArray(sourceQueueArns) && sourceQueueArns.length >= 1 && sourceQueueArns.length <= MOST_SOURCES
  );
}

/** Whether a queue may send its dead letters to one with this policy. */
export function allowsSource(redriveAllowPolicy: string | undefined, queue: string): boolean {
  const { redrivePermission = 'allowAll', sourceQueueArns } = objectIn(redriveAllowPolicy ?? '');
  if (redrivePermission !== 'byQueue') return redrivePermission === 'allowAll';
  return (
    Array.isArray(sourceQueueArns) && sourceQueueArns.some((arn) => neighbourInArn(arn, queue) === queue)
  );
}

/** Where dead letters go, and when. */
export interface RedrivePolicy {
  readonly target: string;
  readonly maxReceives: number;
}

/** @throws SqsError */
export function readRedrivePolicy(queue: string, text: string): RedrivePolicy {
  const wrong = (reason: string) => invalidValue('RedrivePolicy', text, reason);
  let policy: unknown;
  try {
    policy = JSON.parse(text);
  } catch {
    throw wrong('Redrive policy is not a valid JSON map.');
  }
  const { deadLetterTargetArn, maxReceiveCount } = Object(policy) as Record<string, unknown>;
  const target = neighbourInArn(deadLetterTargetArn, queue);
  const maxReceives = Number(maxReceiveCount);
  if (target === undefined) throw wrong('Invalid value for deadLetterTargetArn.');
  if (!Number.isInteger(maxReceives) || maxReceives < 1 || maxReceives > MOST_RECEIVES) {
    throw wrong(
      `Invalid value for maxReceiveCount: ${String(maxReceiveCount)}, valid values are from 1 to ${MOST_RECEIVES} both inclusive.`,
    );
  }
  if (isFifo(target) !== isFifo(queue)) {
    throw wrong('Dead-letter queue must be same type of queue as the source.');
  }
  if (target === queue) throw wrong('A queue cannot be its own dead-letter queue.');
  return { target, maxReceives };
}

/** What of the attributes the engine itself is configured by. */
export function toConfiguration(queue: string, attributes: Attributes): Partial<PutQueue> {
  const { VisibilityTimeout, MessageRetentionPeriod, MaximumMessageSize, RedrivePolicy } = attributes;
  return {
    // A timeout of 0, which the engine does not have as a default, ends before anybody notices.
    ...(VisibilityTimeout !== undefined && {
      visibilityTimeoutMs: Math.max(1, Number(VisibilityTimeout) * 1_000),
    }),
    ...(MessageRetentionPeriod !== undefined && { retentionMs: Number(MessageRetentionPeriod) * 1_000 }),
    ...(MaximumMessageSize !== undefined && { maxMessageBytes: Number(MaximumMessageSize) }),
    ...(RedrivePolicy !== undefined && deadLettersBy(queue, RedrivePolicy)),
  };
}

function deadLettersBy(queue: string, text: string): Pick<PutQueue, 'deadLetterQueue' | 'maxReceives'> {
  if (text === '') return { deadLetterQueue: deadLettersOf(queue), maxReceives: FOR_EVER };
  const { target, maxReceives } = readRedrivePolicy(queue, text);
  return { deadLetterQueue: target, maxReceives };
}

/** Attributes that the configuration of the engine has. */
export const OF_ENGINE = new Set([
  'VisibilityTimeout',
  'MessageRetentionPeriod',
  'MaximumMessageSize',
  'RedrivePolicy',
  'FifoQueue',
]);
