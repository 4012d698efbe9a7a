import { DEFAULT_MESSAGE_BYTES, type QueueConfiguration, type QueueStats } from '@syncline/contracts';
import { dueIn, keys, levelOf, type QueueCall } from './call.js';
import { library } from './library.js';

/** Puts the name of a queue on the list. False: there are as many between `from` and `to` as there may be. */
export const nameQueue = library.command({
  name: 'name-queue',
  keys: ({ names }) => [names],
  args: (input: { names: string; name: string; from: string; to: string; most: number }) => [
    ...[input.name, input.from, input.to, input.most],
  ],
  decode: (reply) => reply === 1,
});

/** Makes a queue, or gives one a new configuration. `done`: false when it was there already, or not there. */
export const configure = library.command({
  name: 'configure',
  keys,
  args: (
    input: QueueCall & {
      verb: 'make' | 'change';
      secret: string;
      configuration: QueueConfiguration;
      /** Undefined: as they are. */
      labels?: string | undefined;
      /** A new Redis instance may lack the queue; then the nodes are to tell first. */
      mayBeLost: boolean;
      /** The generation that it had before that; empty: a new one. */
      gen: string;
    },
  ) => [
    input.verb,
    input.secret,
    input.timersNode,
    input.mayBeLost ? '1' : '0',
    input.gen,
    ...Object.entries(toFields(input.configuration)).flat(),
    ...(input.labels === undefined ? [] : ['labels', input.labels]),
  ],
  decode: (reply, { configuration: { durability } }) => {
    const [done, due] = reply as [number, number];
    return { done: done === 1, dueInMs: dueIn(due), durability };
  },
});

/** As the scripts read it; empty stands for nothing, which is not stored. */
function toFields(configuration: QueueConfiguration) {
  const { visibilityTimeoutMs, maxReceives, deadLetterQueue, retentionMs, maxLength, maxBytes } =
    configuration;
  const { backoff, rateLimit, deduplicationWindowMs, keepResultsMs, maxMessageBytes, durability } =
    configuration;
  const { maxInFlight, maxInFlightPerGroup, ordering } = configuration;
  return {
    visibilityTimeoutMs,
    maxReceives,
    deadLetterQueue,
    retentionMs,
    maxLength: maxLength ?? '',
    maxBytes: maxBytes ?? '',
    backoffBase: backoff?.baseMs ?? '',
    backoffFactor: backoff?.factor ?? '',
    backoffMax: backoff?.maxMs ?? '',
    rateMax: rateLimit?.max ?? '',
    ratePer: rateLimit?.perMs ?? '',
    deduplicationWindowMs,
    keepResultsMs: keepResultsMs || '',
    maxInFlight: maxInFlight ?? '',
    maxInFlightPerGroup: maxInFlightPerGroup === 1 ? '' : maxInFlightPerGroup,
    fair: ordering === 'fair' ? 1 : '',
    maxMessageBytes: maxMessageBytes === DEFAULT_MESSAGE_BYTES ? '' : maxMessageBytes,
    durability: durability === 'local' ? '' : durability,
  };
}

type Field = keyof ReturnType<typeof toFields>;
const FIELDS = [
  ...(['visibilityTimeoutMs', 'maxReceives', 'deadLetterQueue', 'retentionMs', 'maxLength'] as const),
  ...(['maxBytes', 'backoffBase', 'backoffFactor', 'backoffMax', 'rateMax', 'ratePer'] as const),
  ...(['deduplicationWindowMs', 'keepResultsMs', 'maxMessageBytes', 'durability'] as const),
  ...(['maxInFlight', 'maxInFlightPerGroup', 'fair'] as const),
] satisfies readonly Field[];

/** @param values of {@link FIELDS} */
function fromFields(values: readonly (string | null)[]): QueueConfiguration {
  const text = (field: Field) => values[FIELDS.indexOf(field)] ?? null;
  const number = (field: Field) => Number(text(field));
  const limit = (field: Field) => (text(field) === null ? null : number(field));
  return {
    visibilityTimeoutMs: number('visibilityTimeoutMs'),
    maxReceives: number('maxReceives'),
    retentionMs: number('retentionMs'),
    maxLength: limit('maxLength'),
    maxBytes: limit('maxBytes'),
    backoff:
      text('backoffBase') === null
        ? null
        : {
            baseMs: number('backoffBase'),
            factor: number('backoffFactor'),
            maxMs: number('backoffMax'),
          },
    rateLimit: text('rateMax') === null ? null : { max: number('rateMax'), perMs: number('ratePer') },
    deduplicationWindowMs: number('deduplicationWindowMs'),
    keepResultsMs: number('keepResultsMs'),
    maxInFlight: limit('maxInFlight'),
    maxInFlightPerGroup: limit('maxInFlightPerGroup') ?? 1,
    ordering: text('fair') === null ? 'group' : 'fair',
    maxMessageBytes: limit('maxMessageBytes') ?? DEFAULT_MESSAGE_BYTES,
    durability: levelOf(text('durability') ?? undefined),
    deadLetterQueue: text('deadLetterQueue') ?? '',
  };
}

/** As `describe.lua` returns them. */
const COUNTS = [
  ...(['ready', 'delayed', 'inFlight', 'dead', 'bytes', 'oldestAgeMs', 'oldestReadyAgeMs', 'sent'] as const),
  ...(['received', 'acked', 'failed', 'expired', 'lost'] as const),
] satisfies readonly (keyof QueueStats)[];

interface Described {
  readonly configuration: QueueConfiguration;
  readonly paused: boolean;
  readonly stats: QueueStats;
  /** A text that the engine does not read; empty: none. */
  readonly labels: string;
}

/** Null: there is no such queue. */
export const describe = library.command({
  name: 'describe',
  keys,
  args: (_input: { queue: string }) => FIELDS,
  decode: (reply): Described | null => {
    if (reply === null) return null;
    const [configuration, paused, ...rest] = reply as [(string | null)[], number, ...(number | string)[]];
    const stats = Object.fromEntries(COUNTS.map((name, i) => [name, rest[i]])) as QueueStats;
    const labels = String(rest[COUNTS.length]);
    return {
      configuration: fromFields(configuration),
      paused: paused === 1,
      stats,
      labels,
    };
  },
});

/** Does what the queue has to do by itself. Null: there is no such queue, and nothing left of it. */
export const doDueWork = library.command({
  name: 'do-due-work',
  keys,
  args: (input: { queue: string; members: readonly string[] }) => [...input.members],
  decode: (reply) => {
    if (reply === null) return null;
    const [due, outboxLength, occurrence, lateMs] = reply as [number, number, number, number[]];
    return { dueInMs: dueIn(due), outboxLength, occurrenceInMs: dueIn(occurrence), lateMs };
  },
});

/** Stops or resumes deliveries. Null: there is no such queue. */
export const pause = library.command({
  name: 'pause',
  keys,
  args: (input: { queue: string; paused: boolean }) => [input.paused ? '1' : '0'],
  decode: readDone,
});

/** Replaces the labels, if they are still these. Null: there is no such queue. */
export const label = library.command({
  name: 'label',
  keys,
  args: (input: { queue: string; from: string; to: string }) => [input.from, input.to],
  decode: (reply) => {
    if (reply === null) return null;
    const [done, level] = reply as [number, string?];
    return { done: done === 1, durability: levelOf(level) };
  },
});

/** Removes all messages. Null: there is no such queue. */
export const purge = library.command({
  name: 'purge',
  keys,
  args: (input: QueueCall) => [input.timersNode],
  decode: (reply) => {
    if (reply === null) return null;
    const [purged, due, level] = reply as [number, number, string?];
    return { purged, dueInMs: dueIn(due), durability: levelOf(level) };
  },
});

/** Removes a queue, and tells which schedules went with it. Null: there is no such queue. */
export const remove = library.command({
  name: 'remove',
  keys,
  decode: (reply) => {
    if (reply === null) return null;
    const [schedules, level] = reply as [string[], string?];
    const pairs = Array.from({ length: schedules.length / 2 }, (_, i) => schedules.slice(2 * i, 2 * i + 2));
    return {
      schedules: pairs.map(([name = '', id = '']) => ({ name, id })),
      durability: levelOf(level),
    };
  },
});

function readDone(reply: unknown) {
  if (reply === null) return null;
  const [, level] = reply as [number, string?];
  return { durability: levelOf(level) };
}
