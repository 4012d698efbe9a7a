import type { Purged, Queue as QueueState } from '@syncline/contracts';
import { ask } from '../parts/dialog.js';
import { useLoaded } from '../parts/loaded.js';
import { act } from '../parts/outcome.js';
import { count } from '../parts/words.js';
import { call, path } from '../state/api.js';
import { live, may } from '../state/live.js';
import { deadOf } from '../state/queues.js';
import { to } from '../state/route.js';
import { Configuration } from './configuration.js';
import { Figures } from './figures.js';
import { Messages, STATES } from './messages.js';
import { Send } from './send.js';

const TITLES = { ready: 'Ready', delayed: 'Delayed', inFlight: 'In flight', dead: 'Dead' } as const;

/** One queue: its counts, its messages by state, and what one may do to it. */
export function Queue({ name, view = 'overview' }: { name: string; view?: string | undefined }) {
  const overview = live.queue.value;
  const {
    value: queue,
    error,
    reload,
  } = useLoaded(() => call<QueueState>('queue', 'GET', path('queues', name)), [name, overview?.at]);
  if (queue === undefined) return <p class="empty">{error ?? 'Reading the queue …'}</p>;
  const { stats, paused } = queue;
  const pause = () =>
    void act(
      () => call('queue', 'POST', path('queues', name, paused ? 'resume' : 'pause')),
      () => (paused ? `${name} delivers again.` : `${name} is paused: sends and acknowledgements go on.`),
      reload,
    );
  const purge = () =>
    ask({
      title: `Remove all messages of ${name}?`,
      text: `${count(stats.ready + stats.delayed + stats.inFlight)} messages, ready, delayed and in flight, are gone for good.`,
      does: 'Purge',
      type: name,
      run: () =>
        void act(
          () => call<Purged>('queue', 'POST', path('queues', name, 'purge')),
          ({ purged }) => `${count(purged)} messages were removed.`,
          reload,
        ),
    });
  const isState = (STATES as readonly string[]).includes(view);
  return (
    <>
      <h1>{name}</h1>
      <p class="tools">
        {paused && <span class="tag warning">paused</span>}
        {may('queue', 'configure') && (
          <button type="button" onClick={pause}>
            {paused ? 'Resume' : 'Pause'}
          </button>
        )}
        {may('queue', 'purge') && (
          <button type="button" class="danger" onClick={purge}>
            Purge …
          </button>
        )}
      </p>
      <nav class="tabs" aria-label="Parts of the queue">
        <Tab name={name} view="overview" current={view} title="Overview" />
        {STATES.map((state) => (
          <Tab
            key={state}
            name={name}
            view={state}
            current={view}
            title={`${TITLES[state]} ${count(state === 'dead' ? deadOf(queue, overview?.queues ?? []) : stats[state])}`}
          />
        ))}
        {may('queue', 'produce') && <Tab name={name} view="send" current={view} title="Send" />}
        <Tab name={name} view="configuration" current={view} title="Configuration" />
      </nav>
      {view === 'overview' && <Figures queue={queue} />}
      {isState && (
        <Messages key={view} queue={queue} state={view as (typeof STATES)[number]} onChange={reload} />
      )}
      {view === 'send' && <Send queue={name} onSent={reload} />}
      {view === 'configuration' && <Configuration queue={queue} onChange={reload} />}
    </>
  );
}

function Tab({ name, view, current, title }: { name: string; view: string; current: string; title: string }) {
  return (
    <a
      href={to(['queues', name, ...(view === 'overview' ? [] : [view])])}
      aria-current={view === current ? 'page' : undefined}
    >
      {title}
    </a>
  );
}
