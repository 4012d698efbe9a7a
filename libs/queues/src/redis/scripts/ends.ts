import { defineScript } from '@syncline/redis';
import type { Delivery } from '../receipt.js';
import { dueIn, keys, type QueueCall } from './call.js';

/** What became of deliveries, in their order. */
export interface Verdicts<Verdict extends string> {
  readonly verdicts: readonly (Verdict | 'stale')[];
  /** Null when the timers need not be told. */
  readonly dueInMs: number | null;
  /** Messages that wait to be brought to another queue. */
  readonly outboxLength: number;
}

type Ending = QueueCall & { readonly deliveries: readonly Delivery[] };

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
export const acknowledge = defineScript({
  file: new URL('./acknowledge.lua', import.meta.url),
  keys,
  args: (input: Ending) => [
    input.wakePrefix,
    ...input.deliveries.flatMap(({ gen, token, delivery, size }) => [gen, token, delivery, size]),
  ],
  decode: (reply) => (reply === null ? null : read(reply as string, { 1: 'acked' })),
});

/** Null: there is no such queue. */
export const reject = defineScript({
  file: new URL('./reject.lua', import.meta.url),
  keys,
  args: (input: Ending & { readonly delayMs: number | undefined }) => [
    input.wakePrefix,
    input.timersChannel,
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
export const extend = defineScript({
  file: new URL('./extend.lua', import.meta.url),
  keys,
  args: (input: Ending & { readonly visibilityTimeoutMs: number }) => [
    input.timersChannel,
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
export const giveBack = defineScript({
  file: new URL('./give-back.lua', import.meta.url),
  keys,
  args: (input: Ending & { readonly delayMs: number; readonly told: boolean }) => [
    input.wakePrefix,
    input.timersChannel,
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
