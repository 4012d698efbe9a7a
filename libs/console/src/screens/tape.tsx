import type { Event } from '@syncline/contracts';
import { Table } from '../parts/table.js';
import { When } from '../parts/time.js';
import { duration } from '../parts/words.js';
import { live } from '../state/live.js';
import { to } from '../state/route.js';

const MOST = 30;

interface TapeProps {
  readonly title: string;
  /** Default: all. */
  readonly shows?: (event: Event) => boolean;
}

/** What happened lately, in all roles. */
export function Tape({ title, shows = () => true }: TapeProps) {
  const events = (['lock', 'queue', 'cache'] as const).flatMap((role) =>
    (live[role].value?.events ?? []).filter(shows).map((event) => ({ role, event })),
  );
  const latest = events.sort((a, b) => Date.parse(b.event.at) - Date.parse(a.event.at)).slice(0, MOST);
  return (
    <section>
      <h2>{title}</h2>
      <Table
        label={title}
        rows={latest}
        keyOf={({ role, event }) => `${role} ${event.id}`}
        empty="Nothing worth telling yet."
        columns={[
          { title: 'When', cell: ({ event }) => <When at={event.at} /> },
          { title: 'What', cell: ({ event }) => words(event) },
          { title: 'Where', cell: ({ role, event }) => <Place role={role} event={event} /> },
        ]}
      />
    </section>
  );
}

function Place({ role, event }: { role: 'lock' | 'queue' | 'cache'; event: Event }) {
  if (event.name === null) return <>{role} nodes</>;
  if (event.type === 'fired') return <a href={to(['schedules'], { search: event.name })}>{event.name}</a>;
  return <a href={to([`${role}s`, event.name])}>{event.name}</a>;
}

const times = (count: number, one: string, many: string) => (count === 1 ? `1 ${one}` : `${count} ${many}`);

/** An event in words. */
function words(event: Event): string {
  const { count } = event;
  switch (event.type) {
    case 'granted':
      return `granted to ${event.owner} after ${duration(event.waitedMs)}`;
    case 'lost':
      return `${event.owner} lost it: ${event.reason === 'ttl' ? 'not renewed in time' : 'its session ended'}`;
    case 'revoked':
      return `taken from ${event.owner}`;
    case 'deadlock':
      return `deadlock of ${event.steps} owners; ${event.victim} gave up`;
    case 'dead':
      return `${times(count, 'message is', 'messages are')} dead: ${event.reason === 'rejected' ? 'rejected' : 'failed too often'}`;
    case 'stalled':
      return `${times(count, 'receiver', 'receivers')} did not answer in time`;
    case 'redriven':
      return `${times(count, 'dead letter was', 'dead letters were')} redriven`;
    case 'purged':
      return 'purged';
    case 'paused':
      return 'paused';
    case 'resumed':
      return 'resumed';
    case 'fired':
      return `fired into ${event.queue}`;
    case 'repaired':
      return 'repaired: hints had not come';
    case 'forced':
      return 'a write no longer waited for a silent node';
    case 'flushed':
      return 'flushed';
    case 'joined':
      return `${event.member} joined`;
    case 'left':
      return `${event.member} left`;
    case 'fenced':
      return `${event.member} was removed: it was silent`;
    case 'instance':
      return 'Redis is another instance';
    case 'omitted':
      return `${count} more events of the type ${event.of}`;
  }
}
