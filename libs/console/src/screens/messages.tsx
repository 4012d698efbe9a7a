import { useSignal } from '@preact/signals';
import type { DeletedMessages, Found, Queue, Redriven } from '@syncline/contracts';
import { ask } from '../parts/dialog.js';
import { Filter } from '../parts/filter.js';
import { brief } from '../parts/json.js';
import { useLoaded } from '../parts/loaded.js';
import { act } from '../parts/outcome.js';
import { Table } from '../parts/table.js';
import { When } from '../parts/time.js';
import { count } from '../parts/words.js';
import { call, path } from '../state/api.js';
import { may } from '../state/live.js';
import { route, setQuery, to } from '../state/route.js';
import { Reasons, reasonOf } from './reasons.js';

export const STATES = ['ready', 'delayed', 'inFlight', 'dead'] as const;
type State = (typeof STATES)[number];
type Message = Found['messages'][number];

const PAGE = 50;
/** Conditions of a search, as the API names them. */
const CONDITIONS = [
  ['id', 'Id'],
  ['groupId', 'Group'],
  ['body', 'Text in the body'],
  ['reason', 'Reason'],
] as const;

interface MessagesProps {
  readonly queue: Queue;
  readonly state: State;
  readonly onChange: () => void;
}

/** The messages of a queue in one state: search, look, and do something to a selection or to all that the filter finds. */
export function Messages({ queue, state, onChange }: MessagesProps) {
  const { query } = route.value;
  const where = Object.fromEntries(
    CONDITIONS.flatMap(([name]) => (query[name] ? [[name, query[name]]] : [])),
  );
  const isFiltered = Object.keys(where).length > 0;
  const chosen = useSignal<ReadonlySet<string>>(new Set());
  const cursor = query.cursor ?? '';
  const {
    value: found,
    error,
    reload,
  } = useLoaded(
    () =>
      call<Found>('queue', 'POST', path('queues', queue.name, 'messages', 'search'), {
        state,
        where,
        limit: PAGE,
        ...(cursor !== '' && { cursor }),
      }),
    [queue.name, state, JSON.stringify(where), cursor],
  );
  const changed = () => {
    chosen.value = new Set();
    reload();
    onChange();
  };
  // Dead letters lie in a queue of their own.
  const home = state === 'dead' ? queue.deadLetterQueue : queue.name;
  const ids = [...chosen.value];
  const selection = ids.length > 0 ? { ids } : { where };
  const whose = ids.length > 0 ? `${ids.length} selected` : 'all that the filter finds';
  const canAct = ids.length > 0 || isFiltered;
  const remove = () =>
    ask({
      title: `Delete ${whose}?`,
      text: 'They are gone for good, those in flight too.',
      does: 'Delete',
      run: () =>
        void act(
          () => call<DeletedMessages>('queue', 'POST', path('queues', home, 'messages', 'delete'), selection),
          ({ deleted, cursor: more }) =>
            `${count(deleted)} deleted${more ? '; there are more: do it again' : ''}.`,
          changed,
        ),
    });
  const redrive = () =>
    void act(
      () =>
        call<Redriven>('queue', 'POST', path('queues', home, 'redrive'), {
          ...(canAct ? selection : {}),
          to: queue.name,
        }),
      ({ moved, cursor: more }) =>
        `${count(moved)} moved back${more ? '; there are more: do it again' : ''}.`,
      changed,
    );
  const makeReady = () =>
    void act(
      () =>
        Promise.all(
          ids.map((id) => call('queue', 'PATCH', path('queues', home, 'messages', id), { delayMs: 0 })),
        ),
      (all) => `${all.length} ready at once.`,
      changed,
    );
  return (
    <>
      <form class="tools" aria-label="Search messages" onSubmit={(event) => event.preventDefault()}>
        {CONDITIONS.map(([name, title]) => (
          <Filter key={name} name={name} label={title} />
        ))}
      </form>
      <p class="tools">
        <button type="button" onClick={reload}>
          Read again
        </button>
        {state === 'dead' && may('queue', 'consume') && may('queue', 'produce') && (
          <button type="button" disabled={found?.messages.length === 0} onClick={redrive}>
            Redrive {canAct ? whose : 'all'}
          </button>
        )}
        {state === 'delayed' && may('queue', 'configure') && (
          <button type="button" disabled={ids.length === 0} onClick={makeReady}>
            Ready now
          </button>
        )}
        {may('queue', 'purge') && (
          <button type="button" class="danger" disabled={!canAct} onClick={remove}>
            Delete …
          </button>
        )}
        {found !== undefined && isFiltered && <span class="quiet">{count(found.examined)} looked at</span>}
      </p>
      {state === 'dead' && found !== undefined && <Reasons messages={found.messages} />}
      <Table
        label="Messages"
        rows={found?.messages ?? []}
        keyOf={({ id }) => id}
        empty={
          error ??
          (found === undefined
            ? 'Reading the messages …'
            : isFiltered
              ? 'Nothing fits the filter on this page.'
              : 'None in this state.')
        }
        columns={[
          { title: 'Select', cell: (message) => <Choose message={message} chosen={chosen} /> },
          { title: 'Id', cell: ({ id }) => <a href={to(['queues', queue.name, 'message', id])}>{id}</a> },
          { title: 'Body', cell: ({ body }) => <code>{brief(body)}</code> },
          { title: 'Group', cell: ({ groupId }) => groupId ?? '' },
          {
            title: 'Deliveries',
            isNumber: true,
            cell: ({ receiveCount, deadLetter }) => deadLetter?.receiveCount ?? receiveCount,
          },
          {
            title: 'Sent',
            cell: ({ enqueuedAt, deadLetter }) => <When at={deadLetter?.enqueuedAt ?? enqueuedAt} />,
          },
          ...(state === 'dead'
            ? [{ title: 'Reason', cell: (message: Message) => reasonOf(message) }]
            : state === 'ready'
              ? []
              : [
                  {
                    title: state === 'delayed' ? 'Ready' : 'Visible again',
                    cell: ({ availableAt }: Message) => <When at={availableAt} />,
                  },
                ]),
        ]}
      />
      <p class="buttons">
        {cursor !== '' && (
          <button type="button" onClick={() => setQuery({ cursor: '' })}>
            First page
          </button>
        )}
        {found?.cursor && (
          <button type="button" onClick={() => setQuery({ cursor: found.cursor ?? '' })}>
            Next page
          </button>
        )}
      </p>
    </>
  );
}

function Choose({ message: { id }, chosen }: { message: Message; chosen: { value: ReadonlySet<string> } }) {
  const toggle = () => {
    const next = new Set(chosen.value);
    if (!next.delete(id)) next.add(id);
    chosen.value = next;
  };
  return (
    <input type="checkbox" aria-label={`Select ${id}`} checked={chosen.value.has(id)} onChange={toggle} />
  );
}
