import { useSignal } from '@preact/signals';
import type { Lock as LockState, Revoked } from '@syncline/contracts';
import { useEffect } from 'preact/hooks';
import { ask } from '../parts/dialog.js';
import { useLoaded } from '../parts/loaded.js';
import { act } from '../parts/outcome.js';
import { Table } from '../parts/table.js';
import { TimeLeft, When } from '../parts/time.js';
import { call, path } from '../state/api.js';
import { live, may } from '../state/live.js';

const EVENTS = ['acquired', 'released', 'expired', 'revoked'] as const;
const MOST_EVENTS = 50;

interface Told {
  readonly id: string;
  readonly kind: (typeof EVENTS)[number];
  readonly at: number;
  readonly owner: string;
}

/** One lock: who holds it, the line, and what happens while one looks. */
export function Lock({ name }: { name: string }) {
  const events = useEvents(name);
  const overview = live.lock.value;
  // Read again with every overview: it may be beyond those that are listed there.
  const {
    value: lock,
    error,
    reload,
  } = useLoaded(() => call<LockState>('lock', 'GET', path('locks', name)), [name, overview?.at]);
  if (lock === undefined) return <p class="empty">{error ?? 'Reading the lock …'}</p>;
  const revoke = () =>
    ask({
      title: `Take ${name} from its holders?`,
      text: 'Their leases end at once, and the next in the line is granted. They learn it with their next call; what they do until then is held off only where the fencing token is checked.',
      does: 'Revoke',
      type: name,
      wantsReason: true,
      run: (reason) =>
        void act(
          () => call<Revoked>('lock', 'DELETE', path('locks', name), { reason }),
          ({ revoked }) => `${revoked.length} ${revoked.length === 1 ? 'lease was' : 'leases were'} revoked.`,
          reload,
        ),
    });
  return (
    <>
      <h1>{name}</h1>
      <p class="tools">
        <span class="tag">{lock.mode}</span>
        <span class="quiet">token {lock.currentToken ?? 'unknown'}</span>
        {may('lock', 'purge') && (
          <button type="button" class="danger" disabled={lock.holders.length === 0} onClick={revoke}>
            Revoke …
          </button>
        )}
      </p>
      <h2>Holders</h2>
      <Table
        label="Holders"
        rows={lock.holders}
        keyOf={({ fencingToken, owner }) => `${fencingToken} ${owner}`}
        empty="Nobody holds it."
        columns={[
          { title: 'Owner', cell: ({ owner }) => owner },
          { title: 'Token', isNumber: true, cell: ({ fencingToken }) => fencingToken },
          { title: 'Since', cell: ({ acquiredAt }) => <When at={acquiredAt} /> },
          { title: 'Time left', cell: ({ expiresAt, ttlMs }) => <TimeLeft until={expiresAt} of={ttlMs} /> },
          { title: 'Metadata', cell: ({ metadata }) => (metadata === null ? '' : JSON.stringify(metadata)) },
        ]}
      />
      <h2>The line</h2>
      <Table
        label="Requests that wait"
        rows={lock.waiters}
        keyOf={({ position }) => String(position)}
        empty="Nobody waits."
        columns={[
          { title: 'Place', isNumber: true, cell: ({ position }) => position },
          { title: 'Owner', cell: ({ owner }) => owner },
          { title: 'Wants', cell: ({ mode }) => mode },
          { title: 'Waits since', cell: ({ waitingSince }) => <When at={waitingSince} /> },
        ]}
      />
      <h2>What happens</h2>
      <Table
        label="Events"
        rows={events}
        keyOf={({ id }) => id}
        empty="Nothing yet, since this page was opened."
        columns={[
          { title: 'When', cell: ({ at }) => <When at={at} /> },
          { title: 'What', cell: ({ kind }) => kind },
          { title: 'Owner', cell: ({ owner }) => owner },
        ]}
      />
    </>
  );
}

function useEvents(name: string): readonly Told[] {
  const events = useSignal<readonly Told[]>([]);
  useEffect(() => {
    events.value = [];
    const source = new EventSource(`api/lock/v1/${path('locks', name, 'events')}`);
    for (const kind of EVENTS) {
      source.addEventListener(kind, ({ lastEventId: id, data }) => {
        const { owner }: { owner: string } = JSON.parse(data);
        const told: Told = { id, kind, at: Number(id.split('-')[0]), owner };
        events.value = [told, ...events.value].slice(0, MOST_EVENTS);
      });
    }
    return () => source.close();
  }, [name, events]);
  return events.value;
}
