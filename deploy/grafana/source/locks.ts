import { chart, dashboard, increase, quantiles, rate } from './panels.js';

export const locks = dashboard('syncline-locks', 'Syncline: locks', {
  'Held and awaited': [
    chart('Leases that are held', 'none', { '{{instance}}': 'lock_leases_held' }),
    chart('Requests that wait', 'none', { '{{instance}}': 'lock_requests_waiting' }),
    chart('Grants', 'ops', { '{{instance}}': rate('lock_grants_total') }),
    chart('Lost, revoked, deadlocks', 'none', {
      '{{type}} {{reason}}': `sum by (type, reason) (${increase('events_total{type=~"lost|revoked|deadlock"}')})`,
    }),
  ],
  'How long': [
    chart(
      'Wait for a lock',
      's',
      quantiles('lock_wait_duration_seconds'),
      'Of the requests that had to wait',
    ),
    chart('Hold of a lock', 's', quantiles('lock_hold_duration_seconds')),
  ],
});
