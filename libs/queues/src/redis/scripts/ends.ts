import type { Durability } from '@syncline/contracts';
import type { Delivery } from '../receipt.js';
import { type Ending, factsOf } from './attempts.js';
import { dueIn, keys, levelOf, type QueueCall } from './call.js';
import { library } from './library.js';
import type { ReceiveAttempt } from './receive.js';

/** What became of deliveries, in their order. */
export interface Verdicts<Verdict extends string> {
  readonly verdicts: readonly (Verdict | 'stale')[];
  /** Null when the timers need not be told. */
  readonly dueInMs: number | null;
  /** Messages that wait to be brought to another queue. */
  readonly outboxLength: number;
  /** The level of the queue. */
  readonly durability: Durability;
  /** How many messages of the generation are gone, where the script tells it. */
  readonly gone?: number;
}

interface Ended {
  readonly queue: string;
  readonly deliveries: readonly Delivery[];
}

/** New messages that an acknowledgement sends. */
export interface Chain {
  readonly targets: readonly {
    readonly to: string;
    readonly delayMs: number;
    /** As scripts/parts/deduplication.lua reads it. Empty: none. */
    readonly deduplication: string;
  }[];
  /** Their records without the time, as `encodeTails` gives them. */
  readonly tails: Buffer;
}

interface Acknowledgement extends Ended {
  /** JSON of each, empty for none; null: the receiver has none at all. They are kept where the queue keeps results. */
  readonly results: readonly string[] | null;
  /** Null: it sends nothing. Else there is one delivery. */
  readonly chain: Chain | null;
  readonly ending: Ending;
}

/** @param words by the digits with which the scripts answer */
const read = <Verdict extends string>(
  digits: string,
  words: Readonly<Record<string, Verdict>>,
  level: unknown,
  due = -1,
  outboxLength = 0,
): Verdicts<Verdict> => ({
  verdicts: Array.from(digits, (digit) => words[digit] ?? 'stale'),
  dueInMs: dueIn(due),
  outboxLength,
  durability: levelOf(level),
});

const withFacts = ({ deliveries, ending }: Ended & { readonly ending: Ending }) =>
  deliveries.flatMap((one) => [one.gen, one.token, one.delivery, factsOf(one.at, ending)]);

const toTriples = (deliveries: readonly Delivery[]) =>
  deliveries.flatMap(({ gen, token, delivery }) => [gen, token, delivery]);

/** Null: there is no such queue. */
export const acknowledge = library.command({
  name: 'acknowledge',
  keys,
  args: ({ deliveries, results, chain, ending }: Acknowledgement) => {
    const args: (string | number | Buffer)[] = deliveries.flatMap(({ gen, token, delivery, size }) => [
      gen,
      token,
      delivery,
      size,
    ]);
    if (results !== null) {
      args.push(JSON.stringify(deliveries.flatMap(({ at }, i) => [factsOf(at, ending), results[i] ?? ''])));
    }
    if (chain !== null) {
      if (results === null) args.push('');
      const targets = chain.targets.map(({ to, delayMs, deduplication }) => [to, delayMs, deduplication]);
      args.push(JSON.stringify(targets), chain.tails);
    }
    return args;
  },
  decode: (reply, { deliveries }) => {
    if (reply === null) return null;
    const [digits, gone, due, level, outboxLength] =
      typeof reply === 'number'
        ? ['1'.repeat(deliveries.length), reply, -1]
        : (reply as [string, number, number, string?, number?]);
    return { ...read(digits, { 1: 'acked' }, level || undefined, due, outboxLength), gone };
  },
});

/** Whether a delivery was acknowledged within the last 5 minutes. */
export const wasAcked = library.command({
  name: 'was-acked',
  keys,
  args: ({ delivery: { gen, token, delivery } }: { queue: string; delivery: Delivery }) => [
    gen,
    token,
    delivery,
  ],
  decode: (reply) => reply === 1,
});

/** Null: there is no such queue. */
export const reject = library.command({
  name: 'reject',
  keys,
  args: (
    input: QueueCall &
      Ended & { readonly delayMs: number | undefined; readonly dead: boolean; readonly ending: Ending },
  ) => [input.timersNode, input.delayMs ?? '', input.dead ? 1 : 0, ...withFacts(input)],
  decode: (reply) => {
    if (reply === null) return null;
    const [digits, due, outboxLength, level] = reply as [string, number, number, string?];
    return read(digits, { 1: 'requeued', 2: 'dead', 3: 'expired' }, level, due, outboxLength);
  },
});

/** Null: there is no such queue. */
export const extend = library.command({
  name: 'extend',
  keys,
  args: (input: QueueCall & Ended & { readonly visibilityTimeoutMs: number; readonly progress: string }) => [
    input.timersNode,
    input.visibilityTimeoutMs,
    input.progress,
    ...toTriples(input.deliveries),
  ],
  decode: (reply) => {
    if (reply === null) return null;
    const [digits, due, level] = reply as [string, number, string?];
    return read(digits, { 1: 'extended' }, level, due);
  },
});

/** Null: there is no such queue. */
export const giveBack = library.command({
  name: 'give-back',
  keys,
  args: (
    input: QueueCall &
      Ended & {
        readonly delayMs: number;
        readonly told: boolean;
        readonly attempt: ReceiveAttempt | undefined;
        readonly ending: Ending;
      },
  ) => {
    const { timersNode, delayMs, told, attempt } = input;
    return [timersNode, delayMs, told ? 1 : 0, attempt?.id ?? '', attempt?.claim ?? '', ...withFacts(input)];
  },
  decode: (reply) => {
    if (reply === null) return null;
    const [digits, due, level] = reply as [string, number, string?];
    return read(digits, { 1: 'requeued', 3: 'expired' }, level, due);
  },
});
