import { chart, dashboard, figure, increase, rate } from './panels.js';

const reads = `sum(${rate('cache_reads_total')})`;

export const caches = dashboard('syncline-caches', 'Syncline: caches', {
  Reads: [
    chart('Reads by their answer', 'ops', { '{{answer}}': `sum by (answer) (${rate('cache_reads_total')})` }),
    chart('Share of reads that found an entry', 'percentunit', {
      '': `sum(${rate('cache_reads_total{answer!="misses"}')}) / ${reads}`,
    }),
  ],
  'Near caches': [
    chart('Bytes', 'bytes', { '{{instance}}': 'cache_near_bytes' }),
    chart('Entries', 'none', { '{{instance}}': 'cache_near_entries' }),
    chart('Invalidations', 'ops', { '{{instance}}': rate('cache_invalidations_total') }),
    chart(
      'Evictions',
      'ops',
      { '{{instance}}': rate('cache_evictions_total') },
      'Dropped to have room for others',
    ),
  ],
  Coherence: [
    figure('Stale near hits', 'none', { '': 'sum(cache_stale_hits_total)' }, 'Must stay 0'),
    figure('Near hits that were checked', 'none', { '': 'sum(cache_audits_total)' }),
    chart(
      'Repairs',
      'none',
      { '{{instance}}': increase('cache_repairs_total') },
      'Hints that did not come in time',
    ),
    chart('Writes that waited for a silent node', 'none', {
      '{{instance}}': increase('cache_forced_writes_total'),
    }),
    chart('Nodes that were taken for dead', 'none', { '{{instance}}': increase('cache_fencings_total') }),
    chart('Hints that were missed', 'none', { '{{instance}}': increase('cache_gaps_total') }),
    chart(
      'Reads that could not be kept',
      'none',
      { '{{instance}}': increase('cache_uncacheable_fills_total') },
      'A write was under way',
    ),
  ],
});
