import type { Delivery } from '../receipt.js';
import { dueIn, keys, type QueueCall } from './call.js';
import { library } from './library.js';

/** What became of deliveries, in their order. */
export interface Verdicts<Verdict extends string> {
  readonly verdicts: readonly (Verdict | 'stale')[];
  /** Null when the timers need not be told. */
  readonly dueInMs: number | null;
  /** Messages that wait to be brought to another queue. */
  readonly outboxLength: number;
}

interface Ended {
  readonly queue: string;
  readonly deliveries: readonly Delivery[];
}

/** @param words by the digits with which the scripts answer */
const read = <Verdict extends string>(
  digits: string,
  words: Readonly<Record<string, Verdict>>,
  due = -1,
  outboxLength = 0,
): Verdicts<Verdict> => ({
  verdicts: Array.from(digits, (digit) => words[digit] ?? 'stale'),
  dueInMs: dueIn(due),
  outboxLength,
});

const toTriples = (deliveries: readonly Delivery[]) =>
  deliveries.flatMap(({ gen, token, delivery }) => [gen, token, delivery]);

/** Null: there is no such queue. */
export const acknowledge = library.command({
  name: 'acknowledge',
  keys,
  args: ({ deliveries }: Ended) =>
    deliveries.flatMap(({ gen, token, delivery, size }) => [gen, token, delivery, size]),
  decode: (reply) => (reply === null ? null : read(reply as string, { 1: 'acked' })),
});

/** Null: there is no such queue. */
export const reject = library.command({
  name: 'reject',
  keys,
  args: (input: QueueCall & Ended & { readonly delayMs: number | undefined }) => [
    input.timersNode,
    input.delayMs ?? '',
    ...toTriples(input.deliveries),
  ],
  decode: (reply) => {
    if (reply === null) return null;
    const [digits, due, outboxLength] = reply as [string, number, number];
    return read(digits, { 1: 'requeued', 2: 'dead', 3: 'expired' }, due, outboxLength);
  },
});

/** Null: there is no such queue. */
export const extend = library.command({
  name: 'extend',
  keys,
  args: (input: QueueCall & Ended & { readonly visibilityTimeoutMs: number }) => [
    input.timersNode,
    input.visibilityTimeoutMs,
    ...toTriples(input.deliveries),
  ],
  decode: (reply) => {
    if (reply === null) return null;
    const [digits, due] = reply as [string, number];
    return read(digits, { 1: 'extended' }, due);
  },
});

/** Null: there is no such queue. */
export const giveBack = library.command({
  name: 'give-back',
  keys,
  args: (input: QueueCall & Ended & { readonly delayMs: number; readonly told: boolean }) => [
    input.timersNode,
    input.delayMs,
    input.told ? 1 : 0,
    ...toTriples(input.deliveries),
  ],
  decode: (reply) => {
    if (reply === null) return null;
    const [digits, due] = reply as [string, number];
    return read(digits, { 1: 'requeued', 3: 'expired' }, due);
  },
});
