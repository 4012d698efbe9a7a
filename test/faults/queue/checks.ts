import type { DeliveryRecord, EndRecord, QueueHistory } from './history.js';

/** Clients and Redis read one clock, to the millisecond. */
const CLOCK_MS = 2;

/** Everything that the written history proves to be wrong. `dead`: ids in the dead-letter queue at the end. */
export function checkHistory(history: QueueHistory, dead: readonly string[], maxInFlight: number): string[] {
  const deliveries = groupBy(history.deliveries, ({ id }) => id);
  const ends = groupBy(history.ends, ({ id }) => id);
  return [
    ...checkNothingLost(history, deliveries, ends, dead),
    ...[...deliveries].flatMap(([id, all]) => checkMessage(id, all, ends.get(id) ?? [])),
    ...checkDeduplication(history),
    ...checkGroups(history, ends),
    ...checkInFlight(history, ends, maxInFlight),
  ];
}

function checkNothingLost(
  { sends }: QueueHistory,
  deliveries: ReadonlyMap<string, readonly DeliveryRecord[]>,
  ends: ReadonlyMap<string, readonly EndRecord[]>,
  dead: readonly string[],
): string[] {
  const violations: string[] = [];
  const letters = new Set(dead);
  if (letters.size < dead.length)
    violations.push(`dead letters are doubled: ${dead.length} of ${letters.size}`);
  for (const { id, body } of sends) {
    if (id === null) continue;
    const mayBeAcked = (ends.get(id) ?? []).some(
      ({ kind, status }) => (kind === 'ack' || kind === 'cancel') && status !== 'stale',
    );
    const wasAcked = (ends.get(id) ?? []).some(({ kind, status }) => kind === 'ack' && status === 'acked');
    if (!mayBeAcked && !letters.has(id)) {
      violations.push(
        `lost: ${name(body)} (${id}), delivered ${deliveries.get(id)?.length ?? 0} times, never acked`,
      );
    }
    if (wasAcked && letters.has(id)) violations.push(`${name(body)} (${id}) was acked, and is a dead letter`);
    const wasCancelled = (ends.get(id) ?? []).some(({ status }) => status === 'cancelled');
    if (wasCancelled && (wasAcked || letters.has(id)))
      violations.push(`${name(body)} (${id}) was cancelled, and acked or is a dead letter`);
  }
  return violations;
}

/** The rules of one message: one valid receipt at a time, never after its ack, never early. */
function checkMessage(
  id: string,
  deliveries: readonly DeliveryRecord[],
  ends: readonly EndRecord[],
): string[] {
  const violations: string[] = [];
  const inOrder = deliveries.toSorted((a, b) => a.receiveCount - b.receiveCount);
  const endsOf = (receiveCount: number) => ends.filter((end) => end.receiveCount === receiveCount);
  const acks = ends.filter(({ kind, status }) => kind === 'ack' && status === 'acked');
  if (acks.length > 1) violations.push(`${id} was acked ${acks.length} times`);
  const last = inOrder.at(-1);
  for (const ack of acks) {
    if (last !== undefined && last.receiveCount > ack.receiveCount) {
      violations.push(
        `${id} was delivered (${last.receiveCount}.) after its ack (of the ${ack.receiveCount}.)`,
      );
    }
  }
  for (const { answeredAt } of ends.filter(({ status }) => status === 'cancelled')) {
    const after = deliveries.find(({ deliveredAt }) => deliveredAt > answeredAt + CLOCK_MS);
    if (after !== undefined) violations.push(`${id} was delivered after it was cancelled`);
  }
  for (const [i, delivery] of inOrder.entries()) {
    const early = delivery.enqueuedAt + delivery.body.delayMs - delivery.deliveredAt;
    if (delivery.receiveCount === 1 && early > CLOCK_MS)
      violations.push(`${id} was delivered ${early} ms early`);
    const next = inOrder[i + 1];
    if (next === undefined) continue;
    if (next.receiveCount === delivery.receiveCount) {
      violations.push(`${id} was delivered twice as its ${delivery.receiveCount}. delivery`);
    }
    const changed = endsOf(delivery.receiveCount).some(
      ({ kind, status }) => kind !== 'ack' && status !== 'stale',
    );
    if (!changed && next.deliveredAt < delivery.visibleUntil - CLOCK_MS) {
      violations.push(
        `${id} was delivered again ${delivery.visibleUntil - next.deliveredAt} ms within its lease`,
      );
    }
  }
  return violations;
}

function checkDeduplication({ sends, deliveries }: QueueHistory): string[] {
  const ids = new Map<string, Set<string>>();
  const note = (body: DeliveryRecord['body'], id: string) => {
    const key = name(body);
    ids.set(key, (ids.get(key) ?? new Set()).add(id));
  };
  for (const { body, id } of sends) if (id !== null) note(body, id);
  for (const { body, id } of deliveries) note(body, id);
  return [...ids]
    .filter(([, all]) => all.size > 1)
    .map(([key, all]) => `${key} has the ids ${[...all].join(', ')}`);
}

/** A message of a group is delivered when all before it are done; one answer may hold several, in order. */
function checkGroups(
  { sends, deliveries }: QueueHistory,
  ends: ReadonlyMap<string, readonly EndRecord[]>,
): string[] {
  const violations: string[] = [];
  const groups = groupBy(
    sends.filter(({ groupId, id }) => groupId !== null && id !== null),
    ({ groupId }) => groupId,
  );
  const byId = groupBy(deliveries, ({ id }) => id);
  for (const [group, members] of groups) {
    for (const [i, later] of members.entries()) {
      for (const delivery of byId.get(later.id ?? '') ?? []) {
        for (const earlier of members.slice(Math.max(0, i - 20), i)) {
          const before = byId.get(earlier.id ?? '') ?? [];
          const together = before.some(({ batch }) => batch === delivery.batch);
          const mayBeDone = (ends.get(earlier.id ?? '') ?? []).some(
            ({ kind, status, invokedAt }) =>
              (kind === 'ack' || kind === 'cancel' || (kind === 'nack' && status === 'dead')) &&
              status !== 'stale' &&
              invokedAt <= delivery.deliveredAt + CLOCK_MS,
          );
          // A message may also have died of a timeout that nobody reported.
          const mayBeDead = earlier.body.poison;
          if (!together && !mayBeDone && !mayBeDead) {
            violations.push(
              `group ${group}: ${name(later.body)} was delivered before ${name(earlier.body)} was done`,
            );
          }
        }
      }
    }
  }
  return violations;
}

/** A delivery is in flight for certain until its time is over or somebody calls something about it. */
function checkInFlight(
  { deliveries }: QueueHistory,
  ends: ReadonlyMap<string, readonly EndRecord[]>,
  most: number,
): string[] {
  const spans = deliveries.map(({ id, receiveCount, deliveredAt, visibleUntil }) => {
    const calls = (ends.get(id) ?? []).filter(
      (end) => end.kind === 'cancel' || end.receiveCount === receiveCount,
    );
    const until = Math.min(visibleUntil, ...calls.map(({ invokedAt }) => invokedAt)) - CLOCK_MS;
    return { from: deliveredAt, until };
  });
  const counts = spans.map(
    ({ from }) => spans.filter((span) => span.from <= from && from < span.until).length,
  );
  const highest = Math.max(0, ...counts);
  return highest > most ? [`${highest} messages were in flight at a time, ${most} may be`] : [];
}

const name = ({ p, k }: { p: number; k: number }) => `message ${p}/${k}`;

function groupBy<Key, Item>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
