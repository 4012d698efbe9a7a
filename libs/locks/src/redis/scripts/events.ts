import type { Reading, WatchedStream } from '@syncline/cluster';
import type { Holder, LeaseEventKind } from '@syncline/contracts';
import { readHolder } from '../lease-record.js';
import { type InShard, lockCommand } from './lock-command.js';

/** Something that happened to a lock. `id` orders the events of a lock. */
export interface LeaseEvent {
  readonly id: string;
  readonly kind: LeaseEventKind;
  readonly lease: Holder;
}

/** Reads what happened to resources. Keeps their histories for as long as this is called. */
export const watch = lockCommand(
  'watch',
  ({ resources }: InShard & { resources: readonly WatchedStream[] }) =>
    resources.flatMap(({ key, after }) => [key, after ?? '']),
  (reply, { resources }): Reading<LeaseEvent>[] =>
    (reply as [string, string, [string, string[]][]][]).map(([oldest, newest, entries], i) => {
      const { key = '', after = null } = resources[i] ?? {};
      const events = entries.flatMap(([id, fields]) => readEvent(key, id, fields));
      return { oldest, newest, readTo: entries.at(-1)?.[0] ?? after ?? newest, events };
    }),
);

function readEvent(key: string, id: string, fields: string[]): LeaseEvent[] {
  const field = (name: string) => fields[fields.indexOf(name) + 1] ?? '';
  const kind = field('kind');
  // Marks the moment from which the resource was watched.
  if (kind === 'watched') return [];
  const lease = readHolder(key, field('record'), Number(field('expires')));
  return [{ id, kind: kind as LeaseEventKind, lease }];
}
