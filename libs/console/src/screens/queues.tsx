import { fits, Search } from '../parts/search.js';
import { Sparkline } from '../parts/sparkline.js';
import { Table } from '../parts/table.js';
import { bytes, count, duration, rate } from '../parts/words.js';
import { closed, history, live } from '../state/live.js';
import { deadOf } from '../state/queues.js';
import { to } from '../state/route.js';

export function Queues() {
  history.changed.value;
  const overview = live.queue.value;
  return (
    <>
      <h1>Queues</h1>
      <p class="tools">
        <Search label="Filter queues" />
        <a href={to(['schedules'])}>Schedules</a>
      </p>
      {overview?.cursor && <p class="quiet">The first {overview.queues.length} by name.</p>}
      <Table
        label="Queues"
        rows={(overview?.queues ?? []).filter(({ name }) => fits(name))}
        keyOf={({ name }) => name}
        empty={
          overview === undefined
            ? (closed.value.queue ?? 'Reading the queues …')
            : 'There is no queue of this name: the first message makes one.'
        }
        columns={[
          {
            title: 'Name',
            cell: ({ name, paused }) => (
              <>
                <a href={to(['queues', name])}>{name}</a> {paused && <span class="tag warning">paused</span>}
              </>
            ),
          },
          { title: 'Ready', isNumber: true, cell: ({ stats }) => count(stats.ready) },
          { title: 'Delayed', isNumber: true, cell: ({ stats }) => count(stats.delayed) },
          { title: 'In flight', isNumber: true, cell: ({ stats }) => count(stats.inFlight) },
          { title: 'Dead', isNumber: true, cell: (queue) => count(deadOf(queue, overview?.queues ?? [])) },
          {
            title: 'Oldest ready',
            isNumber: true,
            cell: ({ stats }) => (stats.ready === 0 ? '–' : duration(stats.oldestReadyAgeMs)),
          },
          { title: 'In/s', isNumber: true, cell: ({ name }) => rate(history.of(name).at(-1)?.sent ?? 0) },
          { title: 'Out/s', isNumber: true, cell: ({ name }) => rate(history.of(name).at(-1)?.acked ?? 0) },
          { title: 'Size', isNumber: true, cell: ({ stats }) => bytes(stats.bytes) },
          {
            title: 'Ready, 15 min',
            cell: ({ name }) => (
              <Sparkline
                label={`Ready messages of ${name}`}
                values={history.of(name).map(({ ready }) => ready)}
              />
            ),
          },
        ]}
      />
    </>
  );
}
