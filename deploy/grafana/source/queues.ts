import { chart, choice, dashboard, increase, quantiles, rate } from './panels.js';

const chosen = (metric: string, more = '') => `${metric}{queue=~"$queue"${more}}`;
/** Its owner alone tells of a queue, so that the greatest is the one. */
const by = (labels: string, what: string) => `max by (${labels}) (${what})`;
const each = (count: string) => ({ '{{queue}}': `sum by (queue) (${rate(chosen(`queue_${count}_total`))})` });

export const queues = dashboard(
  'syncline-queues',
  'Syncline: queues',
  {
    'What they hold': [
      chart('Ready', 'none', { '{{queue}}': by('queue', chosen('queue_messages', ', state="ready"')) }),
      chart('Oldest ready message', 's', {
        '{{queue}}': by('queue', chosen('queue_oldest_ready_age_seconds')),
      }),
      chart('In flight', 'none', {
        '{{queue}}': by('queue', chosen('queue_messages', ', state="in_flight"')),
      }),
      chart('Delayed', 'none', { '{{queue}}': by('queue', chosen('queue_messages', ', state="delayed"')) }),
      chart('Dead', 'none', { '{{queue}}': by('queue', chosen('queue_messages', ', state="dead"')) }),
      chart('Stored bytes', 'bytes', { '{{queue}}': by('queue', chosen('queue_bytes')) }),
    ],
    'What they do': [
      chart('Sent', 'ops', each('sent')),
      chart('Acknowledged', 'ops', each('acked')),
      chart('Received', 'ops', each('received')),
      chart('Failed deliveries', 'ops', each('failed'), 'Rejected, or not acknowledged in time'),
      chart('Delivered again', 'ops', { '{{instance}}': rate('queue_messages_redelivered_total') }),
      chart('Lateness of delayed messages', 's', quantiles('queue_delay_lateness_seconds')),
      chart('Expired', 'ops', each('expired'), 'Removed by their TTL, the retention, a purge or a cancel'),
      chart('Sent by schedules', 'ops', { '{{instance}}': rate('queue_schedule_messages_total') }),
    ],
    'When Redis lost data': [
      chart('Lost', 'none', { '{{instance}}': increase('queue_messages_lost_total') }),
      chart('Sent again by nodes', 'none', { '{{instance}}': increase('queue_messages_sent_again_total') }),
    ],
  },
  { variables: [choice('queue', 'queue_messages')] },
);
