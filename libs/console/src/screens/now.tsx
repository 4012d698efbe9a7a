import { Sparkline } from '../parts/sparkline.js';
import { Table } from '../parts/table.js';
import { bytes, count, rate } from '../parts/words.js';
import { away, history, live, now } from '../state/live.js';
import { deadOf, withoutDeadLetters } from '../state/queues.js';
import { to } from '../state/route.js';
import { verdicts } from '../state/verdicts.js';
import { Tape } from './tape.js';

/** What is wrong, and how much there is of everything. */
export function Now() {
  const [lock, queue, cache] = [live.lock.value, live.queue.value, live.cache.value];
  const found = verdicts({ lock, queue, cache }, away.value, now.value);
  const redis = (queue ?? lock ?? cache)?.redis;
  const queues = queue && withoutDeadLetters(queue.queues);
  return (
    <>
      <h1>Now</h1>
      <section aria-label="What is wrong" class="verdicts">
        {found.length === 0 ? (
          <p class="good">Nothing is wrong, as far as the nodes can see.</p>
        ) : (
          <ul>
            {found.map(({ level, text, path }) => (
              <li key={text} class={level}>
                <a href={to(path)}>{text}</a>
              </li>
            ))}
          </ul>
        )}
      </section>
      <section class="figures" aria-label="Figures">
        <Figure
          title="Locks held"
          value={lock && count(lock.locks.filter(({ holders }) => holders.length > 0).length)}
          more={lock?.cursor}
        />
        <Figure title="Requests that wait" value={lock && count(lock.waits.length)} />
        <Figure
          title="Messages ready"
          value={queues && count(total(queues.map(({ stats }) => stats.ready)))}
        />
        <Figure title="In flight" value={queues && count(total(queues.map(({ stats }) => stats.inFlight)))} />
        <Figure
          title="Dead"
          value={queues && count(total(queues.map((each) => deadOf(each, queue?.queues ?? []))))}
        />
        <Figure
          title="Entries in caches"
          value={cache && count(total(cache.caches.map(({ stats }) => stats.entries)))}
        />
        <Figure title="Redis, round trip" value={redis && `${redis.latencyMs} ms`} />
        <Figure title="Redis, memory" value={redis && bytes(redis.usedBytes)} />
        <Figure title="Redis, commands/s" value={redis && count(redis.commandsPerSecond)} />
      </section>
      <Busiest />
      <Tape title="What happened" />
    </>
  );
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/** @param more whether there are more than were counted */
function Figure({
  title,
  value,
  more,
}: {
  title: string;
  value: string | undefined;
  more?: string | null | undefined;
}) {
  return (
    <div class="figure">
      <b>
        {value ?? '–'}
        {more ? '+' : ''}
      </b>
      <span>{title}</span>
    </div>
  );
}

const MOST = 8;

function Busiest() {
  // Drawn again with each new point.
  history.changed.value;
  const queues = withoutDeadLetters(live.queue.value?.queues ?? []);
  const sorted = [...queues].sort(
    (a, b) => b.stats.ready + b.stats.inFlight - (a.stats.ready + a.stats.inFlight),
  );
  return (
    <section>
      <h2>Queues with the most to do</h2>
      <Table
        label="Queues with the most to do"
        rows={sorted.slice(0, MOST)}
        keyOf={({ name }) => name}
        empty="There is no queue yet: the first message makes one."
        columns={[
          { title: 'Queue', cell: ({ name }) => <a href={to(['queues', name])}>{name}</a> },
          { title: 'Ready', isNumber: true, cell: ({ stats }) => count(stats.ready) },
          { title: 'In flight', isNumber: true, cell: ({ stats }) => count(stats.inFlight) },
          {
            title: 'Acknowledged/s',
            isNumber: true,
            cell: ({ name }) => rate(history.of(name).at(-1)?.acked ?? 0),
          },
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
    </section>
  );
}
