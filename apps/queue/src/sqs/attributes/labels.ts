import { Injectable } from '@nestjs/common';
import { QueuesService } from '@syncline/queues';
import type { MoveTask } from '../actions/move-task.js';
import { ERRORS, SqsError } from '../sqs-error.js';

/** What SQS knows of a queue and the engine does not: kept as the labels of the queue. */
export interface Labels {
  /** Attributes that were set and are no configuration of the engine. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  /** Seconds since 1970; undefined for a queue that was not made here. */
  readonly createdAt?: number;
  readonly changedAt?: number;
  /** Undefined for a queue that was made otherwise, whose groups may be in order. */
  readonly groupsTakeTurns?: boolean;
  /** The latest ones first. */
  readonly moves: readonly MoveTask[];
}

const NONE: Labels = { attributes: {}, tags: {}, moves: [] };
const MAX_LENGTH = 65_536;

export const readLabels = (text: string): Labels =>
  text === '' ? NONE : { ...NONE, ...(JSON.parse(text) as Partial<Labels>) };

/** @throws SqsError */
export function writeLabels(labels: Labels): string {
  const text = JSON.stringify(labels);
  if (text.length > MAX_LENGTH) {
    throw new SqsError(
      ERRORS.overLimit,
      `The tags and attributes of a queue have ${MAX_LENGTH} characters at most.`,
    );
  }
  return text;
}

/** Sends and receives judge a queue by what it was a second ago at most. */
const RECENT_MS = 1_000;
const MOST_RECENT = 10_000;

/** Reads and changes the labels of queues. */
@Injectable()
export class LabelsOfQueues {
  private readonly seen = new Map<string, { readonly labels: Labels; readonly at: number }>();

  constructor(private readonly queues: QueuesService) {}

  /** @throws QueueNotFound */
  async of(queue: string): Promise<Labels> {
    return this.see(queue, readLabels(await this.queues.labels(queue)));
  }

  /** As they were a second ago at most. @throws QueueNotFound */
  async recent(queue: string): Promise<Labels> {
    const seen = this.seen.get(queue);
    return seen !== undefined && performance.now() - seen.at < RECENT_MS ? seen.labels : this.of(queue);
  }

  /** The queue is another one now, or gone. */
  forget(queue: string): void {
    this.seen.delete(queue);
  }

  /** Makes of the labels what `change` says, whoever else changes them at the same time. */
  async change(queue: string, change: (labels: Labels) => Labels): Promise<Labels> {
    for (;;) {
      const text = await this.queues.labels(queue);
      const before = readLabels(text);
      const after = change(before);
      if (after === before || (await this.queues.label(queue, text, writeLabels(after)))) {
        return this.see(queue, after);
      }
    }
  }

  private see(queue: string, labels: Labels): Labels {
    this.seen.delete(queue);
    this.seen.set(queue, { labels, at: performance.now() });
    const [oldest] = this.seen.size > MOST_RECENT ? this.seen.keys() : [];
    if (oldest !== undefined) this.seen.delete(oldest);
    return labels;
  }
}
