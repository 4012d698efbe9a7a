import type { Schedules as Page, Schedule, ScheduleRun } from '@syncline/contracts';
import { ask } from '../parts/dialog.js';
import { brief } from '../parts/json.js';
import { useLoaded } from '../parts/loaded.js';
import { act } from '../parts/outcome.js';
import { fits, Search } from '../parts/search.js';
import { Table } from '../parts/table.js';
import { When } from '../parts/time.js';
import { duration } from '../parts/words.js';
import { call, path } from '../state/api.js';
import { may } from '../state/live.js';
import { to } from '../state/route.js';

export function Schedules() {
  const {
    value: page,
    error,
    reload,
  } = useLoaded(() => call<Page>('queue', 'GET', 'schedules?limit=1000'), []);
  return (
    <>
      <h1>Schedules</h1>
      <p class="tools">
        <Search label="Filter schedules" />
        <button type="button" onClick={reload}>
          Read again
        </button>
      </p>
      <Table
        label="Schedules"
        rows={(page?.schedules ?? []).filter(({ name }) => fits(name))}
        keyOf={({ name }) => name}
        empty={
          error ??
          (page === undefined
            ? 'Reading the schedules …'
            : 'There is no schedule of this name. PUT /v1/schedules/NAME makes one.')
        }
        columns={[
          {
            title: 'Name',
            cell: ({ name, paused }) => (
              <>
                {name} {paused && <span class="tag warning">paused</span>}
              </>
            ),
          },
          { title: 'When', cell: (schedule) => <code>{rhythm(schedule)}</code> },
          { title: 'Queue', cell: ({ queue }) => <a href={to(['queues', queue])}>{queue}</a> },
          { title: 'Body', cell: ({ message }) => <code>{brief(message.body, 40)}</code> },
          { title: 'Next', cell: ({ nextAt }) => <When at={nextAt} /> },
          { title: 'Last', cell: ({ last: [last] }) => <When at={last?.at ?? null} /> },
          { title: 'Do', cell: (schedule) => <Actions schedule={schedule} reload={reload} /> },
        ]}
      />
    </>
  );
}

const rhythm = ({ cron, everyMs, timeZone }: Schedule): string =>
  cron === null ? `every ${duration(everyMs ?? 0)}` : `${cron} ${timeZone}`;

function Actions({ schedule: { name, paused }, reload }: { schedule: Schedule; reload: () => void }) {
  if (!may('queue', 'configure')) return null;
  const post = (what: string) => call<ScheduleRun>('queue', 'POST', path('schedules', name, what));
  const remove = () =>
    ask({
      title: `Delete the schedule ${name}?`,
      text: 'It sends no more messages. Those that it has sent stay.',
      does: 'Delete',
      type: name,
      run: () =>
        void act(
          () => call('queue', 'DELETE', path('schedules', name)),
          () => `${name} is deleted.`,
          reload,
        ),
    });
  return (
    <span class="tools">
      <button
        type="button"
        onClick={() =>
          void act(
            () => post('run'),
            ({ messageId }) => `Sent ${messageId}.`,
            reload,
          )
        }
      >
        Run now
      </button>
      <button
        type="button"
        onClick={() =>
          void act(
            () => post(paused ? 'resume' : 'pause'),
            () => (paused ? `${name} goes on.` : `${name} is paused.`),
            reload,
          )
        }
      >
        {paused ? 'Resume' : 'Pause'}
      </button>
      <button type="button" class="danger" onClick={remove}>
        Delete …
      </button>
    </span>
  );
}
