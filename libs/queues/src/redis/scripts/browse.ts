import type { BrowseQuery } from '@syncline/contracts';
import { messageId } from '../message-id.js';
import { decodeRecord, type StoredMessage } from '../record.js';
import { dueIn, keys } from './call.js';
import { failures } from './deliveries.js';
import { library } from './library.js';

/** A message that is looked at where it stands. */
export interface BrowsedMessage {
  readonly id: string;
  /** How many deliveries failed. */
  readonly failures: number;
  readonly inFlight: boolean;
  /** Milliseconds since 1970; null when it is ready. */
  readonly availableAt: number | null;
  readonly content: StoredMessage;
}

/** Looks at messages. `cursor`: null at the end. Null: there is no such queue. */
export const browse = library.command({
  name: 'browse',
  keys,
  args: (input: { queue: string; state: BrowseQuery['state']; cursor: string; limit: number }) => [
    input.state,
    input.cursor,
    input.limit,
  ],
  binary: true,
  decode: (reply, { state }) => {
    if (reply === null) return null;
    const [gen, cursor, ...rest] = reply as (Buffer | number)[];
    const messages: BrowsedMessage[] = [];
    for (let i = 0; i < rest.length; i += 4) {
      const content = decodeRecord(rest[i + 3] as Buffer);
      messages.push({
        id: content.extra?.id ?? messageId(String(gen), rest[i] as number),
        failures: failures(rest[i + 1] as number),
        inFlight: state === 'inFlight',
        availableAt: dueIn(rest[i + 2] as number),
        content,
      });
    }
    return { messages, cursor: String(cursor) || null };
  },
});
