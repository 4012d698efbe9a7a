import { type ShownMessage, toInstant } from '@syncline/contracts';
import { toBrowsed } from '../messages/message-view.js';
import type { End, FoundMessage, KeptMessage } from '../redis/scripts/by-id.js';

const NO_REASON = { kind: 'none', until: null, blockedBy: null } as const;
/** @param text JSON; empty: none */
const parsed = (text: string): unknown => (text === '' ? null : JSON.parse(text));

export function toShown(found: FoundMessage): ShownMessage {
  const { state, attempts, progress, why } = found;
  return {
    ...toBrowsed(found),
    state,
    attempts: [...attempts],
    progress: parsed(progress),
    result: null,
    why: { ...why, until: why.until === null ? null : toInstant(why.until) },
  };
}

/** A dead letter, as its first queue sees it. */
export function toDead(found: FoundMessage): ShownMessage {
  const { receiveCount = 0, attempts = [], enqueuedAt = null } = found.content.extra?.deadLetter ?? {};
  const shown = toShown(found);
  return { ...shown, state: 'dead', enqueuedAt, availableAt: null, receiveCount, attempts, why: NO_REASON };
}

/** One that has ended, of which more than that is kept. */
export function toKept(
  id: string,
  { state }: End,
  { content, attempts, failures, progress, result }: KeptMessage,
): ShownMessage {
  const browsed = toBrowsed({
    id,
    content,
    attempts,
    failures,
    inFlight: state === 'done',
    availableAt: null,
  });
  return {
    ...browsed,
    state: state === 'cancelled' ? 'cancelled' : 'done',
    attempts: [...attempts],
    progress: parsed(progress),
    result: parsed(result),
    why: NO_REASON,
  };
}

/** One that has just ended, as it was seen before. */
export function toEnded(
  seen: ShownMessage,
  { state, at }: End & { state: 'done' | 'cancelled' },
): ShownMessage {
  const endedAt = at === undefined ? null : toInstant(at);
  const acked =
    state === 'done' && endedAt !== null
      ? [{ at: null, nodeId: null, endedAt, how: 'acked' as const, reason: null, detail: null }]
      : [];
  return { ...seen, state, availableAt: null, attempts: [...seen.attempts, ...acked], why: NO_REASON };
}

/** Only its end is known. */
export const unseen = (id: string): ShownMessage => ({
  id,
  state: 'done',
  body: null,
  headers: {},
  enqueuedAt: null,
  priority: 0,
  groupId: null,
  availableAt: null,
  receiveCount: 0,
  attempts: [],
  progress: null,
  result: null,
  why: NO_REASON,
});
