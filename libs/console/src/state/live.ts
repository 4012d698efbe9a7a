import { effect, signal } from '@preact/signals';
import type {
  Action,
  Cache,
  Cluster,
  Deadlocks,
  Event,
  Lock,
  Queue,
  RedisLoad,
  Role,
  WaitList,
} from '@syncline/contracts';
import { askSession, signedIn } from './api.js';
import { History } from './history.js';

interface RoleOverview {
  /** The node's clock, ms since 1970. */
  readonly at: number;
  readonly nodeId: string;
  /** What the key may do to some name. */
  readonly may: readonly Action[];
  readonly cluster: Cluster;
  readonly redis: RedisLoad;
  /** The newest first. */
  readonly events: readonly (Event & { readonly id: string })[];
}
export interface Overviews {
  readonly lock: RoleOverview & {
    readonly locks: readonly Lock[];
    readonly cursor: string | null;
    readonly waits: WaitList['waits'];
    readonly deadlocks: Deadlocks['deadlocks'];
  };
  readonly queue: RoleOverview & { readonly queues: readonly Queue[]; readonly cursor: string | null };
  readonly cache: RoleOverview & { readonly caches: readonly Cache[]; readonly cursor: string | null };
}

/** What the nodes told last. A role of which no node answers keeps what it told before, and says so in `away`. */
export const live = {
  lock: signal<Overviews['lock'] | undefined>(undefined),
  queue: signal<Overviews['queue'] | undefined>(undefined),
  cache: signal<Overviews['cache'] | undefined>(undefined),
};
/** Roles of which no node answers, and why. */
export const away = signal<Partial<Record<Role, string>>>({});
/** Roles of which the key may read nothing, and why. */
export const closed = signal<Partial<Record<Role, string>>>({});
/** Whether the node that serves the page is heard. */
export const connected = signal(true);
/** The time of the nodes, ms since 1970: all that counts down does so by it. */
export const now = signal(Date.now());

export const history = new History();

/** How far the clock of the nodes is ahead of this one, ms. */
const ahead = signal(0);

function take<R extends Role>(role: R, overview: Overviews[R]): void {
  ahead.value = overview.at - Date.now();
  now.value = overview.at;
  connected.value = true;
  if (away.value[role] !== undefined) away.value = { ...away.value, [role]: undefined };
  (live[role] as { value: Overviews[R] | undefined }).value = overview;
}

/** Whether the key may do something to some name of a role. */
export const may = (role: Role, action: Action): boolean => live[role].value?.may.includes(action) ?? false;

/** Listens while somebody is signed in. */
export function listen(): void {
  setInterval(() => {
    now.value = Date.now() + ahead.value;
  }, 1_000);
  effect(() => {
    if (!signedIn.value) return undefined;
    const source = new EventSource('live');
    source.addEventListener('lock', ({ data }) => take('lock', JSON.parse(data)));
    source.addEventListener('queue', ({ data }) => {
      const overview: Overviews['queue'] = JSON.parse(data);
      take('queue', overview);
      history.note(overview.at, overview.queues);
    });
    source.addEventListener('cache', ({ data }) => take('cache', JSON.parse(data)));
    source.addEventListener('away', ({ data }) => {
      const { role, code, detail }: { role: Role; code: string; detail: string } = JSON.parse(data);
      const why = code === 'forbidden' ? closed : away;
      why.value = { ...why.value, [role]: detail };
    });
    source.addEventListener('open', () => {
      connected.value = true;
    });
    source.addEventListener('error', () => {
      connected.value = false;
      // It tries again by itself, unless it was refused: the session has ended.
      if (source.readyState === EventSource.CLOSED) void askSession().catch(() => {});
    });
    return () => source.close();
  });
}
