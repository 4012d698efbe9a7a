import { Table } from '../parts/table.js';
import { When } from '../parts/time.js';
import { closed, live } from '../state/live.js';
import { to } from '../state/route.js';
import { WaitGraph } from './wait-graph.js';

/** Who waits for whom: drawn, and as a list. */
export function Waits() {
  const overview = live.lock.value;
  const waits = overview?.waits ?? [];
  return (
    <>
      <h1>Who waits for whom</h1>
      {waits.length === 0 ? (
        <p class="empty">
          {overview === undefined
            ? (closed.value.lock ?? 'Reading the waits …')
            : 'Nobody waits for a lock or a permit.'}
        </p>
      ) : (
        <WaitGraph waits={waits} />
      )}
      <h2>Requests that wait</h2>
      <Table
        label="Requests that wait"
        rows={waits}
        keyOf={({ owner, waitsFor }) => `${owner} ${waitsFor}`}
        empty="None."
        columns={[
          { title: 'Owner', cell: ({ owner }) => owner },
          { title: 'Waits for', cell: ({ waitsFor }) => <a href={to(['locks', waitsFor])}>{waitsFor}</a> },
          { title: 'Held by', cell: ({ heldBy }) => heldBy.join(', ') },
          { title: 'Since', cell: ({ since }) => <When at={since} /> },
        ]}
      />
      <h2>The last deadlocks</h2>
      <Table
        label="Deadlocks"
        rows={overview?.deadlocks ?? []}
        keyOf={({ at, victim }) => `${at} ${victim}`}
        empty="None in the last day."
        columns={[
          { title: 'When', cell: ({ at }) => <When at={at} /> },
          { title: 'Given up', cell: ({ victim }) => victim },
          {
            title: 'Circle',
            cell: ({ cycle }) => (
              <ol class="circle">
                {cycle.map(({ owner, waitsFor, heldBy }) => (
                  <li key={`${owner} ${waitsFor}`}>
                    {owner} waited for {waitsFor}, held by {heldBy}
                  </li>
                ))}
              </ol>
            ),
          },
        ]}
      />
    </>
  );
}
