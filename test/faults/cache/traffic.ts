import { setTimeout as sleep } from 'node:timers/promises';
import type { History } from '../core/history.js';
import type { Random } from '../core/random.js';
import { type Answer, get, put, remove } from './client.js';
import type { Input, Output } from './model.js';

/** One client that hops between nodes until it is told to stop. */
export async function client(
  id: number,
  nodes: () => readonly string[],
  keys: readonly string[],
  history: History<Input, Output>,
  random: Random,
  until: AbortSignal,
): Promise<void> {
  const known = new Map<string, string>();
  for (let i = 0; !until.aborted; i += 1) {
    const node = random.pick(nodes());
    const key = random.pick(keys);
    const value = `${id}-${i}`;
    const roll = random.int(1, 100);
    const expected = known.get(key);
    let answer: Answer;
    if (roll <= 82) {
      answer = await history.record({ client: id, kind: 'get', input: { key } }, () => get(node, key));
    } else if (roll <= 92) {
      const input = { key, value };
      answer = await history.record({ client: id, kind: 'put', input }, () => put(node, input));
    } else if (roll <= 96 && expected !== undefined) {
      const input = { key, value, expected };
      answer = await history.record({ client: id, kind: 'cas', input }, () => put(node, input));
    } else {
      answer = await history.record({ client: id, kind: 'delete', input: { key } }, () => remove(node, key));
    }
    if (answer.output?.version) known.set(key, answer.output.version);
    await sleep(random.int(0, 6));
  }
}
