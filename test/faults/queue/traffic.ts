import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../core/random.js';
import { anyOf, type Body, call, type Message } from './client.js';
import type { EndRecord, QueueHistory } from './history.js';

export interface TrafficOptions {
  readonly queue: string;
  readonly urls: () => readonly string[];
  readonly random: Random;
  readonly history: QueueHistory;
  readonly stopped: () => boolean;
}

export const MAX_RECEIVES = 12;
const POISON_EVERY = 40;

/**
 * Sends one message after the other, each until somebody says that it was taken. Every fourth producer sends plain
 * ones, without a deduplication id and so only once each: they may be handed over while they are sent.
 */
export async function produce(p: number, options: TrafficOptions): Promise<void> {
  const { queue, urls, random, history, stopped } = options;
  const groupId = p % 2 === 0 ? `group-${p}` : null;
  for (let k = 0; !stopped(); k += 1) {
    const plain = p % 4 === 1;
    const delayMs = groupId === null && !plain && random.chance(20) ? random.int(50, 400) : 0;
    const body: Body = { p, k, delayMs, poison: k % POISON_EVERY === 7 };
    const message = {
      body,
      delayMs,
      priority: groupId === null ? random.int(0, 3) : 0,
      ...(!plain && { deduplicationId: `${p}/${k}` }),
      ...(groupId !== null && { groupId }),
    };
    const id = await (plain ? sendOnce : sendUntilTaken)(message, options);
    history.sends.push({ body, groupId, id });
    if (id !== null && random.chance(4)) await cancel(id, 0, options);
    // Never earlier than it was sent for.
    if (id !== null && groupId === null && random.chance(10)) {
      const change = { delayMs: random.int(delayMs, 500), priority: random.int(0, 3) };
      await call(anyOf(urls, random), 'PATCH', `${queue}/messages/${id}`, change).catch(() => null);
    }
    // A group waits for each of its messages that is rejected, forgotten or overrun: faster, it would never drain.
    await sleep(groupId === null ? random.int(0, 15) : random.int(30, 120));
  }

  async function sendUntilTaken(message: object, { stopped: over }: TrafficOptions): Promise<string | null> {
    // After the end a few tries more: most sends should have a known outcome.
    for (let tries = 0; !over() || tries < 5; tries += 1) {
      const id = await sendOnce(message);
      if (id !== null) return id;
      await sleep(50);
    }
    return null;
  }

  async function sendOnce(message: object): Promise<string | null> {
    const answer = await call(anyOf(urls, random), 'POST', `${queue}/messages`, {
      messages: [message],
    }).catch(() => null);
    return answer?.status === 201 ? ((answer.body.messages as { id: string }[])[0]?.id ?? null) : null;
  }
}

/** Cancels a message, and notes what came of it. */
async function cancel(id: string, receiveCount: number, options: TrafficOptions): Promise<void> {
  const { queue, urls, random, history } = options;
  const invokedAt = Date.now();
  const path = `${queue}/messages/${id}`;
  const answer = await call(anyOf(urls, random), 'DELETE', path, {}).catch(() => null);
  const statuses: Record<number, string> = { 200: 'cancelled', 404: 'stale' };
  const status = statuses[answer?.status ?? 0] ?? null;
  history.ends.push({ kind: 'cancel', id, receiveCount, invokedAt, answeredAt: Date.now(), status });
}

/** Receives and acks; now and then it rejects, crashes, overruns its time, extends it, or disconnects. */
export async function consume(
  options: TrafficOptions & { nextBatch: () => number; diligent?: boolean },
): Promise<void> {
  const { queue, urls, random, history, stopped, nextBatch, diligent = false } = options;
  while (!stopped()) {
    const visibilityTimeoutMs = random.int(300, 900);
    const waitMs = random.chance(70) ? random.int(100, 1_000) : 0;
    const request = { max: random.int(1, 8), waitMs, visibilityTimeoutMs };
    const patience = !diligent && random.chance(5) ? random.int(1, 100) : 3_000;
    const answer = await call(anyOf(urls, random), 'POST', `${queue}/receive`, request, patience).catch(
      () => null,
    );
    if (answer?.status !== 200) {
      await sleep(30);
      continue;
    }
    const messages = answer.body.messages as Message[];
    const batch = nextBatch();
    for (const { id, body, receiveCount, enqueuedAt, visibleUntil } of messages) {
      history.deliveries.push({
        id,
        body,
        receiveCount,
        enqueuedAt: Date.parse(enqueuedAt),
        deliveredAt: Date.parse(visibleUntil) - visibilityTimeoutMs,
        visibleUntil: Date.parse(visibleUntil),
        batch,
      });
    }
    for (const message of messages) await end(message, visibilityTimeoutMs);
  }

  async function end(message: Message, visibilityTimeoutMs: number): Promise<void> {
    if (message.body.poison) return say('nack', message, { delayMs: random.int(0, 50) });
    if (!diligent) {
      if (random.chance(4)) return;
      if (random.chance(3)) return cancel(message.id, message.receiveCount, options);
      if (random.chance(4)) return say('nack', message, { delayMs: random.int(0, 100) });
      if (random.chance(3)) await sleep(visibilityTimeoutMs + 50);
      if (random.chance(5)) await say('extend', message, { visibilityTimeoutMs: random.int(200, 800) });
    }
    await say('ack', message, { results: [message.receiveCount] });
  }

  async function say(
    kind: EndRecord['kind'],
    { id, receipt, receiveCount }: Message,
    extra: object,
  ): Promise<void> {
    const invokedAt = Date.now();
    const answer = await call(anyOf(urls, random), 'POST', `${queue}/${kind}`, {
      receipts: [receipt],
      ...extra,
    }).catch(() => null);
    const status =
      answer?.status === 200 ? ((answer.body.results as { status: string }[])[0]?.status ?? null) : null;
    history.ends.push({ kind, id, receiveCount, invokedAt, answeredAt: Date.now(), status });
  }
}
