import { fits, Search } from '../parts/search.js';
import { Table } from '../parts/table.js';
import { bytes, count } from '../parts/words.js';
import { closed, live } from '../state/live.js';
import { to } from '../state/route.js';
import { Coherence } from './coherence.js';

export function Caches() {
  const overview = live.cache.value;
  return (
    <>
      <h1>Caches</h1>
      <p class="tools">
        <Search label="Filter caches" />
      </p>
      {overview?.cursor && <p class="quiet">The first {overview.caches.length} by name.</p>}
      <Table
        label="Caches"
        rows={(overview?.caches ?? []).filter(({ name }) => fits(name))}
        keyOf={({ name }) => name}
        empty={
          overview === undefined
            ? (closed.value.cache ?? 'Reading the caches …')
            : 'There is no cache of this name: the first entry makes one.'
        }
        columns={[
          { title: 'Name', cell: ({ name }) => <a href={to(['caches', name])}>{name}</a> },
          { title: 'Entries', isNumber: true, cell: ({ stats }) => count(stats.entries) },
          { title: 'Size', isNumber: true, cell: ({ stats }) => bytes(stats.bytes) },
          { title: 'Hits', isNumber: true, cell: ({ stats }) => `${(stats.hitRatio * 100).toFixed(1)} %` },
          { title: 'From memory', isNumber: true, cell: ({ stats }) => count(stats.nearHits) },
          { title: 'From Redis', isNumber: true, cell: ({ stats }) => count(stats.storeHits) },
          { title: 'Misses', isNumber: true, cell: ({ stats }) => count(stats.misses) },
          { title: 'Writes', isNumber: true, cell: ({ stats }) => count(stats.writes) },
          { title: 'Invalidations', isNumber: true, cell: ({ stats }) => count(stats.invalidations) },
          { title: 'Coherence', cell: ({ coherence }) => coherence },
        ]}
      />
      <Coherence />
    </>
  );
}
