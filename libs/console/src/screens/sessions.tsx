import type { Sessions as Page } from '@syncline/contracts';
import { useLoaded } from '../parts/loaded.js';
import { fits } from '../parts/search.js';
import { Table } from '../parts/table.js';
import { TimeLeft } from '../parts/time.js';
import { call } from '../state/api.js';
import { live } from '../state/live.js';

const MOST = 200;

/** The sessions, without their ids: an id is the right to its session. */
export function Sessions() {
  const { value, error } = useLoaded(
    () => call<Page>('lock', 'GET', `sessions?limit=${MOST}`),
    [live.lock.value?.at],
  );
  return (
    <section>
      <h2>Sessions</h2>
      {value?.cursor && <p class="quiet">{value.sessions.length} of them, in no order.</p>}
      <Table
        label="Sessions"
        rows={(value?.sessions ?? []).filter(({ owner }) => fits(owner))}
        keyOf={({ sessionId }) => sessionId}
        empty={error ?? (value === undefined ? 'Reading the sessions …' : 'There is no session.')}
        columns={[
          { title: 'Owner', cell: ({ owner }) => owner },
          {
            title: 'Time left',
            cell: ({ expiresAt, ttlMs }) => <TimeLeft until={expiresAt} of={ttlMs} />,
          },
        ]}
      />
    </section>
  );
}
