import { useSignal } from '@preact/signals';
import type { Cache as CacheState, Entries, Invalidated } from '@syncline/contracts';
import { ask } from '../parts/dialog.js';
import { Filter } from '../parts/filter.js';
import { useLoaded } from '../parts/loaded.js';
import { act } from '../parts/outcome.js';
import { Table } from '../parts/table.js';
import { bytes, count } from '../parts/words.js';
import { call, path } from '../state/api.js';
import { askEach, cacheNodes } from '../state/cache-nodes.js';
import { live, may } from '../state/live.js';
import { route, setQuery } from '../state/route.js';
import { Lookup } from './lookup.js';

const PAGE = 100;

/** One cache: what each node keeps of it, its entries, and what one may remove. */
export function Cache({ name }: { name: string }) {
  const overview = live.cache.value;
  const nodes = cacheNodes();
  const {
    value: shown,
    error,
    reload,
  } = useLoaded(() => askEach<CacheState>(nodes, path('caches', name)), [name, overview?.at]);
  const { prefix = '', cursor = '' } = route.value.query;
  const entries = useLoaded(
    () =>
      call<Entries>(
        'cache',
        'GET',
        `${path('caches', name, 'entries')}?${new URLSearchParams({ prefix, limit: String(PAGE), ...(cursor && { cursor }) })}`,
      ),
    [name, prefix, cursor],
  );
  const changed = () => {
    reload();
    entries.reload();
  };
  return (
    <>
      <h1>{name}</h1>
      <Removal name={name} onChange={changed} />
      <h2>In the memory of each node</h2>
      <Table
        label="Nodes"
        rows={shown ?? []}
        keyOf={({ stats }) => stats.node.nodeId}
        empty={error ?? 'Asking the nodes …'}
        columns={[
          { title: 'Node', cell: ({ stats: { node } }) => node.nodeId },
          {
            title: 'Lease',
            cell: ({ stats: { node } }) =>
              node.leased ? 'yes: it may answer from memory' : 'no: it asks Redis',
          },
          { title: 'Entries', isNumber: true, cell: ({ stats: { node } }) => count(node.entries) },
          { title: 'Size', isNumber: true, cell: ({ stats: { node } }) => bytes(node.bytes) },
          {
            title: 'Hits',
            isNumber: true,
            cell: ({ stats: { node } }) => `${(node.hitRatio * 100).toFixed(1)} %`,
          },
          { title: 'From memory', isNumber: true, cell: ({ stats: { node } }) => count(node.nearHits) },
          { title: 'From Redis', isNumber: true, cell: ({ stats: { node } }) => count(node.storeHits) },
          { title: 'Misses', isNumber: true, cell: ({ stats: { node } }) => count(node.misses) },
          {
            title: 'Invalidations',
            isNumber: true,
            cell: ({ stats: { node } }) => count(node.invalidations),
          },
        ]}
      />
      <Lookup cache={name} nodes={nodes} onChange={changed} />
      <h2>Entries</h2>
      <p class="tools">
        <Filter name="prefix" label="Beginning of the key" />
      </p>
      <Table
        label="Entries"
        rows={entries.value?.entries ?? []}
        keyOf={({ key }) => key}
        empty={
          entries.error ?? (entries.value === undefined ? 'Reading the entries …' : 'None on this page.')
        }
        columns={[
          {
            title: 'Key',
            cell: ({ key }) => (
              <button type="button" class="link" onClick={() => setQuery({ key })}>
                {key}
              </button>
            ),
          },
          { title: 'Size', isNumber: true, cell: ({ bytes: size }) => bytes(size) },
          { title: 'Expires', cell: ({ expiresAt }) => expiresAt ?? 'never' },
        ]}
      />
      {entries.value?.cursor && (
        <button type="button" onClick={() => setQuery({ cursor: entries.value?.cursor ?? '' })}>
          Next page
        </button>
      )}
    </>
  );
}

function Removal({ name, onChange }: { name: string; onChange: () => void }) {
  const tag = useSignal('');
  const flush = () =>
    ask({
      title: `Remove all entries of ${name}?`,
      text: 'Every node forgets them before the answer. The configuration stays.',
      does: 'Flush',
      type: name,
      run: () =>
        void act(
          () => call('cache', 'DELETE', path('caches', name)),
          () => `${name} is empty.`,
          onChange,
        ),
    });
  const invalidate = (event: Event) => {
    event.preventDefault();
    void act(
      () => call<Invalidated>('cache', 'POST', path('caches', name, 'invalidate'), { tags: [tag.value] }),
      () => `What has the tag ${tag.value} is gone, from every node.`,
      onChange,
    );
  };
  return (
    <form class="tools" onSubmit={invalidate}>
      {may('cache', 'write') && (
        <>
          <input
            aria-label="Tag"
            placeholder="Tag"
            required
            value={tag}
            onInput={({ currentTarget }) => {
              tag.value = currentTarget.value;
            }}
          />
          <button type="submit">Invalidate the tag</button>
        </>
      )}
      {may('cache', 'purge') && (
        <button type="button" class="danger" onClick={flush}>
          Flush …
        </button>
      )}
    </form>
  );
}
