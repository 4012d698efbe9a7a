import { fits, Search } from '../parts/search.js';
import { Table } from '../parts/table.js';
import { TimeLeft } from '../parts/time.js';
import { closed, live } from '../state/live.js';
import { route, setQuery, to } from '../state/route.js';
import { Semaphores } from './semaphores.js';
import { Sessions } from './sessions.js';

export function Locks() {
  const overview = live.lock.value;
  const awaited = route.value.query.awaited === 'true';
  const locks = (overview?.locks ?? []).filter(
    ({ name, waiters }) => fits(name) && (!awaited || waiters.length > 0),
  );
  return (
    <>
      <h1>Locks</h1>
      <p class="tools">
        <Search label="Filter locks" />
        <label>
          <input
            type="checkbox"
            checked={awaited}
            onChange={({ currentTarget }) => setQuery({ awaited: currentTarget.checked ? 'true' : '' })}
          />
          only those that somebody waits for
        </label>
      </p>
      {overview?.cursor && (
        <p class="quiet">
          The first {overview.locks.length} by name; open one by its name: {openByName}
        </p>
      )}
      <Table
        label="Locks"
        rows={locks}
        keyOf={({ name }) => name}
        empty={
          overview === undefined
            ? (closed.value.lock ?? 'Reading the locks …')
            : 'No lock is held or awaited.'
        }
        columns={[
          { title: 'Name', cell: ({ name }) => <a href={to(['locks', name])}>{name}</a> },
          { title: 'Mode', cell: ({ mode }) => mode },
          { title: 'Holders', cell: ({ holders }) => holders.map(({ owner }) => owner).join(', ') },
          { title: 'Token', isNumber: true, cell: ({ currentToken }) => currentToken ?? '–' },
          {
            title: 'Time left',
            cell: ({ holders: [first] }) => first && <TimeLeft until={first.expiresAt} of={first.ttlMs} />,
          },
          { title: 'Waiting', isNumber: true, cell: ({ waiters }) => waiters.length },
        ]}
      />
      <Semaphores awaited={awaited} />
      <Sessions />
    </>
  );
}

const openByName = <code>#/locks/NAME</code>;
