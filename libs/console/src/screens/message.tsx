import type { Cancelled, ShownMessage } from '@syncline/contracts';
import { ask } from '../parts/dialog.js';
import { Json } from '../parts/json.js';
import { useLoaded } from '../parts/loaded.js';
import { act } from '../parts/outcome.js';
import { Table } from '../parts/table.js';
import { When } from '../parts/time.js';
import { call, path } from '../state/api.js';
import { live, may } from '../state/live.js';
import { to } from '../state/route.js';

const WHY = {
  paused: 'The queue is paused.',
  delayed: 'It is delayed.',
  group: 'Another message of its group goes first.',
  rate: 'The rate limit of the queue holds it back.',
  inFlightLimit: 'As many messages are in flight as the queue allows.',
  none: 'Nothing keeps it from being delivered.',
} as const satisfies Record<ShownMessage['why']['kind'], string>;

/** One message: its whole body, its attempts, and why it is not delivered. */
export function Message({ queue, id }: { queue: string; id: string }) {
  const {
    value: message,
    error,
    reload,
  } = useLoaded(
    () => call<ShownMessage>('queue', 'GET', path('queues', queue, 'messages', id)),
    [queue, id, live.queue.value?.at],
  );
  if (message === undefined) return <p class="empty">{error ?? 'Reading the message …'}</p>;
  const { state, why, attempts, headers, availableAt } = message;
  const waits = state === 'ready' || state === 'delayed';
  const cancel = () =>
    ask({
      title: 'Cancel this message?',
      text:
        state === 'inFlight'
          ? 'Its receipt is void from then on, and the signal of its worker aborts.'
          : 'It is gone for good.',
      does: 'Cancel the message',
      wantsReason: true,
      run: (reason) =>
        void act(
          () =>
            call<Cancelled>(
              'queue',
              'DELETE',
              path('queues', queue, 'messages', id),
              reason === '' ? {} : { reason },
            ),
          () => 'Cancelled.',
          reload,
        ),
    });
  const makeReady = () =>
    void act(
      () => call('queue', 'PATCH', path('queues', queue, 'messages', id), { delayMs: 0 }),
      () => 'Ready at once.',
      reload,
    );
  return (
    <>
      <h1>{id}</h1>
      <p class="tools">
        <a href={to(['queues', queue])}>{queue}</a>
        <span class="tag">{state}</span>
        {state === 'delayed' && may('queue', 'configure') && (
          <button type="button" onClick={makeReady}>
            Ready now
          </button>
        )}
        {(waits || state === 'inFlight') && may('queue', 'purge') && (
          <button type="button" class="danger" onClick={cancel}>
            Cancel …
          </button>
        )}
      </p>
      {waits && (
        <p class="why">
          {WHY[why.kind]} {why.until !== null && <When at={why.until} />}{' '}
          {why.blockedBy !== null && (
            <a href={to(['queues', queue, 'message', why.blockedBy])}>{why.blockedBy}</a>
          )}
        </p>
      )}
      <dl class="facts">
        <div>
          <dt>Sent</dt>
          <dd>
            <When at={message.enqueuedAt} />
          </dd>
        </div>
        {availableAt !== null && (
          <div>
            <dt>{state === 'inFlight' ? 'Visible again' : 'Ready'}</dt>
            <dd>
              <When at={availableAt} />
            </dd>
          </div>
        )}
        <div>
          <dt>Deliveries</dt>
          <dd>{message.receiveCount}</dd>
        </div>
        <div>
          <dt>Priority</dt>
          <dd>{message.priority}</dd>
        </div>
        {message.groupId !== null && (
          <div>
            <dt>Group</dt>
            <dd>{message.groupId}</dd>
          </div>
        )}
      </dl>
      <h2>Body</h2>
      <Json value={message.body} />
      {Object.keys(headers).length > 0 && (
        <>
          <h2>Headers</h2>
          <Json value={headers} />
        </>
      )}
      {message.progress !== null && (
        <>
          <h2>Progress</h2>
          <Json value={message.progress} />
        </>
      )}
      {message.result !== null && (
        <>
          <h2>Result</h2>
          <Json value={message.result} />
        </>
      )}
      <h2>Attempts</h2>
      <Table
        label="Attempts"
        rows={[...attempts, ...(message.deadLetter?.attempts ?? [])].reverse()}
        keyOf={({ endedAt, at }) => `${endedAt} ${at}`}
        empty="No delivery has ended yet."
        columns={[
          { title: 'Handed out', cell: ({ at }) => <When at={at} /> },
          { title: 'Ended', cell: ({ endedAt }) => <When at={endedAt} /> },
          { title: 'How', cell: ({ how }) => how },
          { title: 'Node', cell: ({ nodeId }) => nodeId ?? '' },
          {
            title: 'Reason',
            cell: ({ reason, detail }) =>
              detail === null ? (
                (reason ?? '')
              ) : (
                <details>
                  <summary>{reason ?? 'detail'}</summary>
                  <pre>{detail}</pre>
                </details>
              ),
          },
        ]}
      />
    </>
  );
}
