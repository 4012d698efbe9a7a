import type { Coherence as Told } from '@syncline/contracts';
import { useLoaded } from '../parts/loaded.js';
import { Table } from '../parts/table.js';
import { count } from '../parts/words.js';
import { askEach, cacheNodes } from '../state/cache-nodes.js';
import { live } from '../state/live.js';

/** How the near caches of each node kept in step with Redis. */
export function Coherence() {
  const { value, error } = useLoaded(() => askEach<Told>(cacheNodes(), 'coherence'), [live.cache.value?.at]);
  return (
    <section>
      <h2>Coherence of each node, since it started</h2>
      <Table
        label="Coherence"
        rows={value ?? []}
        keyOf={({ nodeId }) => nodeId}
        empty={error ?? 'Asking the nodes …'}
        columns={[
          { title: 'Node', cell: ({ nodeId }) => nodeId },
          { title: 'Invalidations', isNumber: true, cell: ({ invalidations }) => count(invalidations) },
          { title: 'Repairs', isNumber: true, cell: ({ repairs }) => count(repairs) },
          { title: 'Forced writes', isNumber: true, cell: ({ forcedWrites }) => count(forcedWrites) },
          { title: 'Taken for dead', isNumber: true, cell: ({ fencings }) => count(fencings) },
          { title: 'Hits checked', isNumber: true, cell: ({ audits }) => count(audits) },
          {
            title: 'Stale, must be 0',
            isNumber: true,
            cell: ({ staleHits }) => <span class={staleHits === 0 ? 'good' : 'bad'}>{count(staleHits)}</span>,
          },
        ]}
      />
    </section>
  );
}
