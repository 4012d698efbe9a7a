import type { Attempt } from '@syncline/contracts';
import { messageId } from '../message-id.js';
import { decodeRecord, type StoredMessage } from '../record.js';
import { readAttempts } from './attempts.js';
import { dueIn, keys } from './call.js';
import { failures } from './deliveries.js';
import { library } from './library.js';

/** Where a message of a queue can stand. */
export type State = 'ready' | 'delayed' | 'inFlight';

/** A message that is looked at where it stands. */
export interface BrowsedMessage {
  readonly id: string;
  /** How many deliveries failed. */
  readonly failures: number;
  readonly inFlight: boolean;
  /** Milliseconds since 1970; null when it is ready. */
  readonly availableAt: number | null;
  readonly attempts: readonly Attempt[];
  readonly content: StoredMessage;
}

/** What to look at. */
export interface BrowseOptions {
  readonly state: State;
  /** Empty at first. */
  readonly cursor: string;
  readonly limit: number;
  /** How many messages to examine at most. */
  readonly most?: number;
  /** Texts that are somewhere in the record of a message as it is stored. */
  readonly texts?: readonly string[];
  /** A text that is in its record or in its attempts. */
  readonly attemptText?: string;
}

const HEADER = 3;
const PER_MESSAGE = 5;

/** Looks at messages. `cursor`: null at the end. Null: there is no such queue. */
export const browse = library.command({
  name: 'browse',
  keys,
  args: (input: BrowseOptions & { queue: string }) => [
    input.state,
    input.cursor,
    input.limit,
    input.most ?? input.limit,
    input.attemptText ?? '',
    ...(input.texts ?? []),
  ],
  binary: true,
  decode: (reply, { state }) => {
    if (reply === null) return null;
    const values = reply as (Buffer | number)[];
    const messages: BrowsedMessage[] = [];
    for (let i = HEADER; i < values.length; i += PER_MESSAGE) {
      const [token, tries, at, attempts, record] = values.slice(i, i + PER_MESSAGE) as [
        number,
        number,
        number,
        Buffer,
        Buffer,
      ];
      const content = decodeRecord(record);
      messages.push({
        id: content.extra?.id ?? messageId(String(values[0]), token),
        failures: failures(tries),
        inFlight: state === 'inFlight',
        availableAt: dueIn(at),
        attempts: readAttempts(String(attempts)),
        content,
      });
    }
    return { messages, cursor: String(values[1]) || null, examined: Number(values[2]) };
  },
});
