import { isDeepStrictEqual } from 'node:util';
import { NotFoundError, type QueueClient } from '@syncline/client';
import { completeConfiguration, type PutSchedule, toInstant } from '@syncline/contracts';
import type { Declarations } from './declarations.js';

/** A field that is not as it is declared, by its path. Undefined: it is not there. */
export interface FieldChange {
  readonly field: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** A queue or schedule that is not as it is declared. */
export interface Change {
  readonly kind: 'queue' | 'schedule';
  readonly name: string;
  readonly isNew: boolean;
  readonly fields: readonly FieldChange[];
  make(): Promise<unknown>;
}

/** A queue or schedule that is declared. */
interface Wanted extends Pick<Change, 'kind' | 'name' | 'make'> {
  readonly stated: object;
  /** As it is shown when it is as declared. */
  readonly target: object;
  read(): Promise<object>;
}

/** What differs from what is declared. */
export async function changesTo(queues: QueueClient, declared: Declarations): Promise<Change[]> {
  const changes: Change[] = [];
  for (const { kind, name, stated, target, read, make } of wantedBy(declared, queues)) {
    const now = await unlessMissing(read());
    const isNew = now === undefined;
    const fields = isNew ? differences({}, stated) : differences(part(now, target), target);
    if (isNew || fields.length > 0) changes.push({ kind, name, isNew, fields, make });
  }
  return changes;
}

/** Queues first: a schedule makes its queue when there is none. */
function* wantedBy(declared: Declarations, queues: QueueClient): Generator<Wanted> {
  for (const [name, { given, stated }] of declared.queues) {
    const queue = queues.queue(name);
    const target = completeConfiguration(name, given);
    const [read, make] = [() => queue.inspect(), () => queue.configure(given)];
    yield { kind: 'queue', name, stated, target, read, make };
  }
  const { schedules } = queues;
  for (const [name, { given, stated }] of declared.schedules) {
    const [read, make] = [() => schedules.get(name), () => schedules.put(name, given)];
    yield { kind: 'schedule', name, stated, target: asShown(given), read, make };
  }
}

async function unlessMissing<Found>(found: Promise<Found>): Promise<Found | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}

/** A schedule as the nodes show it: instants in UTC, and a body that has been JSON. */
function asShown({ startAt, endAt, message, ...rule }: PutSchedule): object {
  const inUtc = (instant: string | null) => instant && toInstant(Date.parse(instant));
  const asJson: unknown = JSON.parse(JSON.stringify(message));
  return { ...rule, message: asJson, startAt: inUtc(startAt), endAt: inUtc(endAt) };
}

/** The fields that another object has, too. */
const part = (all: object, other: object) =>
  Object.fromEntries(Object.entries(all).filter(([field]) => Object.hasOwn(other, field)));

function differences(from: unknown, to: unknown, path: readonly string[] = []): FieldChange[] {
  if (!isRecord(from) || !isRecord(to)) {
    return isDeepStrictEqual(from, to) ? [] : [{ field: path.join('.'), from, to }];
  }
  const names = new Set([...Object.keys(from), ...Object.keys(to)]);
  return [...names].flatMap((name) => differences(own(from, name), own(to, name), [...path, name]));
}

type Fields = Readonly<Record<string, unknown>>;
const isRecord = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const own = (fields: Fields, name: string) => (Object.hasOwn(fields, name) ? fields[name] : undefined);
