import { chart, dashboard, figure, increase, quantile, rate } from './panels.js';

export const overview = dashboard('syncline', 'Syncline', {
  'Is anything wrong?': [
    figure('Alerts that fire', 'none', {
      '': 'count(ALERTS{alertname=~"Syncline.+", alertstate="firing"}) or vector(0)',
    }),
    figure('Nodes that answer', 'none', { '{{role}}': 'sum by (role) (up{job="syncline"})' }),
    figure('Members of their cluster', 'none', { '{{role}}': 'sum by (role) (cluster_is_member)' }),
    figure('Stale near hits', 'none', { '': 'sum(cache_stale_hits_total)' }, 'Must stay 0'),
  ],
  'What is it doing?': [
    chart('Requests', 'reqps', {
      '{{role}}': `sum by (role) (${rate('http_request_duration_seconds_count')})`,
    }),
    chart('Requests that failed by a fault of ours (5xx)', 'reqps', {
      '{{role}}': `sum by (role) (${rate('http_request_duration_seconds_count{status=~"5.."}')})`,
    }),
    chart('What happened', 'none', {
      '{{type}} {{reason}}': `sum by (type, reason) (${increase('events_total')})`,
    }),
    chart('Redis, 99th percentile of a script', 's', {
      '{{role}}': quantile(0.99, 'redis_script_duration_seconds', 'role'),
    }),
    chart('Oldest ready message', 's', {
      '{{queue}}': 'topk(5, max by (queue) (queue_oldest_ready_age_seconds))',
    }),
    chart('Requests that wait for a lock', 'none', { '{{instance}}': 'lock_requests_waiting' }),
  ],
});
