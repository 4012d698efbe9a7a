import type { Holder, LeaseEventKind } from '@syncline/contracts';
import { defineScript } from '@syncline/redis';
import { readHolder } from '../../lease/lease.js';
import { HINT_CHANNELS, shardPrefix } from '../lease.keys.js';

/** Something that happened to a lock. `id` orders the events of a lock. */
export interface LeaseEvent {
  readonly id: string;
  readonly kind: LeaseEventKind;
  readonly lease: Holder;
}

export interface Reading {
  /** Oldest entry that is kept, and the newest. */
  readonly oldest: string;
  readonly newest: string;
  /** Entry up to which was read. */
  readonly readTo: string;
  readonly events: LeaseEvent[];
}

/** Reads what happened to names after an id; null: from now on. Keeps their histories for as long as this is called. */
export const watch = defineScript({
  file: new URL('./watch.lua', import.meta.url),
  keys: ({ shard }: { shard: number }) => [shardPrefix(shard)],
  args: (input: { shard: number; names: readonly { key: string; after: string | null }[] }) => [
    HINT_CHANNELS,
    ...input.names.flatMap(({ key, after }) => [key, after ?? '']),
  ],
  decode: (reply, input): Reading[] =>
    (reply as [string, string, [string, string[]][]][]).map(([oldest, newest, entries], i) => {
      const { key = '', after = null } = input.names[i] ?? {};
      const events = entries.flatMap(([id, fields]) => readEvent(key, id, fields));
      return { oldest, newest, readTo: entries.at(-1)?.[0] ?? after ?? newest, events };
    }),
});

function readEvent(key: string, id: string, fields: string[]): LeaseEvent[] {
  const field = (name: string) => fields[fields.indexOf(name) + 1] ?? '';
  const kind = field('kind');
  // The mark of the moment from which the name was watched.
  if (kind === 'watched') return [];
  const lease = readHolder(key, field('record'), Number(field('expires')));
  return [{ id, kind: kind as LeaseEventKind, lease }];
}
