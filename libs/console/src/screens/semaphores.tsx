import type { SemaphorePage } from '@syncline/contracts';
import { useLoaded } from '../parts/loaded.js';
import { fits } from '../parts/search.js';
import { Table } from '../parts/table.js';
import { call } from '../state/api.js';
import { live } from '../state/live.js';

const MOST = 200;

/** The semaphores that are held or awaited. */
export function Semaphores({ awaited }: { awaited: boolean }) {
  const { value, error } = useLoaded(
    () => call<SemaphorePage>('lock', 'GET', `semaphores?limit=${MOST}&awaited=${awaited}`),
    [awaited, live.lock.value?.at],
  );
  return (
    <section>
      <h2>Semaphores</h2>
      {value?.cursor && <p class="quiet">The first {value.semaphores.length} by name.</p>}
      <Table
        label="Semaphores"
        rows={(value?.semaphores ?? []).filter(({ name }) => fits(name))}
        keyOf={({ name }) => name}
        empty={
          error ?? (value === undefined ? 'Reading the semaphores …' : 'No semaphore is held or awaited.')
        }
        columns={[
          { title: 'Name', cell: ({ name }) => name },
          {
            title: 'Permits',
            isNumber: true,
            cell: ({ used, limit }) => `${used}${limit === null ? '' : ` of ${limit}`}`,
          },
          {
            title: 'Holders',
            cell: ({ holders }) => holders.map(({ owner, permits }) => `${owner} ${permits}`).join(', '),
          },
          { title: 'Waiting', isNumber: true, cell: ({ waiters }) => waiters.length },
        ]}
      />
    </section>
  );
}
