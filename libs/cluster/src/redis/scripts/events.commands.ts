import type { Role } from '@syncline/contracts';
import { clusterKeys } from '../cluster.keys.js';
import { library } from '../membership.commands.js';

const keys = ({ role }: { role: Role }) => [clusterKeys.events(role)];

/** Writes down events of a role, each as JSON. */
export const appendEvents = library.command({
  name: 'append-events',
  keys,
  args: ({ role, events }: { role: Role; events: readonly string[] }) => [role, ...events],
  decode: () => undefined,
});

/** Reads at most 256 events of a role. `after`: null for from now on. */
export const readEvents = library.command({
  name: 'read-events',
  keys,
  args: ({ after }: { role: Role; after: string | null }) => [after ?? ''],
  decode: (reply, { after }) => {
    const [oldest, newest, entries] = reply as [string, string, [id: string, fields: [string, string]][]];
    return {
      oldest,
      newest,
      readTo: entries.at(-1)?.[0] ?? after ?? newest,
      events: entries.map(([id, [, text]]) => ({ id, text })),
    };
  },
});

/** A node found out which Redis instance it is in. One of all that do tells that it changed. */
export const noteInstance = library.command({
  name: 'note-instance',
  keys: ({ role }: { role: Role }) => [clusterKeys.instance(role)],
  args: ({ instance, knewAnother }: { role: Role; instance: string; knewAnother: boolean }) => [
    instance,
    knewAnother ? '1' : '0',
  ],
  decode: () => undefined,
});
