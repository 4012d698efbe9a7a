import { chart, dashboard, increase, quantile, rate } from './panels.js';

export const nodes = dashboard('syncline-nodes', 'Syncline: nodes and Redis', {
  Cluster: [
    chart(
      'Members that each node knows',
      'none',
      { '{{instance}}': 'cluster_members' },
      'Alike at all nodes of a role',
    ),
    chart('Share of the ring', 'percentunit', { '{{instance}}': 'cluster_ring_share' }),
    chart('Joined, left, fenced, another Redis', 'none', {
      '{{role}} {{type}}': `sum by (role, type) (${increase('events_total{type=~"joined|left|fenced|instance"}')})`,
    }),
    chart('Connections to Redis', 'none', { '{{instance}}': increase('redis_connections_total') }),
  ],
  Redis: [
    chart('Scripts', 'ops', {
      '{{script}}': `sum by (script) (${rate('redis_script_duration_seconds_count')})`,
    }),
    chart('99th percentile of each script', 's', {
      '{{script}}': quantile(0.99, 'redis_script_duration_seconds', 'script'),
    }),
    chart('Its clock was set', 'none', { '{{instance}}': increase('redis_clock_steps_total') }),
    chart('Not written to the events or the trail', 'none', {
      'events {{instance}}': increase('events_dropped_total'),
      'trail {{instance}}': increase('audit_dropped_total'),
    }),
  ],
  Processes: [
    chart('CPU', 'percentunit', { '{{instance}}': rate('process_cpu_seconds_total{job="syncline"}') }),
    chart('Memory', 'bytes', { '{{instance}}': 'process_resident_memory_bytes{job="syncline"}' }),
    chart('Event loop, 99th percentile', 's', { '{{instance}}': 'nodejs_eventloop_lag_p99_seconds' }),
    chart('File descriptors', 'none', { '{{instance}}': 'process_open_fds{job="syncline"}' }),
    chart('Requests that may wait', 'none', { '{{instance}}': 'waiting_requests' }),
    chart('Call streams', 'none', { '{{instance}}': 'call_streams' }),
  ],
});
