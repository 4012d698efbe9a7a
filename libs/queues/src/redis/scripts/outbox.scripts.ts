import type { DeadLetter } from '@syncline/contracts';
import { defineScript } from '@syncline/redis';
import { queueKeys } from '../queue.keys.js';
import { dueIn, keys, type Nodes } from './delivery.scripts.js';

/** A message on its way to another queue. */
export interface Posted {
  /** Grows with every message that the queue posts. */
  readonly number: string;
  readonly to: string;
  readonly id: string;
  readonly attempts: number;
  readonly reason: DeadLetter['reason'] | 'redrive';
  readonly history: DeadLetter['attempts'];
  /** Milliseconds since 1970. */
  readonly postedAt: number;
  readonly record: Buffer;
}

const outboxKeys = ({ queue }: { queue: string }) => [queueKeys.outbox(queue)];

/** The first messages in the outbox of a queue, in order. */
export const peekOutbox = defineScript({
  file: new URL('./peek-outbox.lua', import.meta.url),
  keys: outboxKeys,
  args: (input: { queue: string; limit: number }) => [input.limit],
  binary: true,
  decode: (reply): Posted[] =>
    (reply as [Buffer, Buffer, Buffer, number, Buffer, Buffer, number, Buffer][]).map(
      ([number, to, id, attempts, reason, history, postedAt, record]) => ({
        number: String(number),
        to: String(to),
        id: String(id),
        attempts,
        reason: String(reason) as Posted['reason'],
        history: readHistory(String(history)),
        postedAt,
        record,
      }),
    ),
});

/** Removes what was taken over, up to a number. */
export const settleOutbox = defineScript({
  file: new URL('./settle-outbox.lua', import.meta.url),
  keys: outboxKeys,
  args: (input: { queue: string; number: string }) => [input.number],
  decode: () => undefined,
});

/** Takes over messages from another queue. Null: there is no such queue. */
export const adopt = defineScript({
  file: new URL('./adopt.lua', import.meta.url),
  keys,
  args: (
    input: Nodes & {
      from: string;
      messages: readonly { number: string; tail: Buffer; returnsHome: boolean }[];
    },
  ) => [
    input.from,
    input.wakePrefix,
    input.timersChannel,
    ...input.messages.flatMap(({ number, tail, returnsHome }) => [number, tail, returnsHome ? '1' : '0']),
  ],
  decode: (reply) => (reply === null ? null : { dueInMs: dueIn(reply as number) }),
});

/** `n1769851800000;t1769851830000;`: how deliveries ended, and when. */
function readHistory(text: string): DeadLetter['attempts'] {
  return text
    .split(';')
    .filter((attempt) => attempt !== '')
    .map((attempt) => ({
      outcome: attempt.startsWith('n') ? 'nacked' : 'timed-out',
      endedAt: new Date(Number(attempt.slice(1))).toISOString(),
    }));
}
