import { ask } from '../parts/dialog.js';
import { Filter } from '../parts/filter.js';
import { useLoaded } from '../parts/loaded.js';
import { act } from '../parts/outcome.js';
import { Table } from '../parts/table.js';
import { call, callFor, path, Refused } from '../state/api.js';
import { may } from '../state/live.js';
import { route } from '../state/route.js';

interface Seen {
  readonly node: string;
  /** Null: it has no such entry. */
  readonly value: string | null;
  readonly version: string;
  readonly from: string;
}

const MOST_SHOWN = 2_000;

interface LookupProps {
  readonly cache: string;
  readonly nodes: readonly string[];
  readonly onChange: () => void;
}

/** One key as each node answers it, side by side: they must all say the same. */
export function Lookup({ cache, nodes, onChange }: LookupProps) {
  const key = route.value.query.key ?? '';
  const {
    value: seen,
    error,
    reload,
  } = useLoaded(
    () => (key === '' ? Promise.resolve([]) : Promise.all(nodes.map((node) => look(node, cache, key)))),
    [cache, key, nodes.join()],
  );
  const versions = new Set((seen ?? []).map(({ version }) => version));
  const remove = () =>
    ask({
      title: `Delete ${key}?`,
      text: 'Every node forgets it before the answer.',
      does: 'Delete',
      run: () =>
        void act(
          () => call('cache', 'DELETE', path('caches', cache, 'entries', key)),
          () => `${key} is gone.`,
          () => {
            reload();
            onChange();
          },
        ),
    });
  return (
    <>
      <h2>Look a key up in all nodes</h2>
      <p class="tools">
        <Filter name="key" label="Key" />
        {key !== '' && (
          <button type="button" onClick={reload}>
            Read again
          </button>
        )}
        {key !== '' && may('cache', 'write') && (
          <button type="button" class="danger" onClick={remove}>
            Delete …
          </button>
        )}
        {versions.size > 1 && (
          <span class="tag warning">answers of several versions: it was written meanwhile; read again</span>
        )}
      </p>
      {key !== '' && (
        <Table
          label={`${key} in each node`}
          rows={seen ?? []}
          keyOf={({ node }) => node}
          empty={error ?? 'Asking the nodes …'}
          columns={[
            { title: 'Node', cell: ({ node }) => node },
            { title: 'Answers', cell: ({ from }) => from },
            { title: 'Version', cell: ({ version }) => version },
            {
              title: 'Value',
              cell: ({ value }) =>
                value === null ? <span class="quiet">no such entry</span> : <code>{value}</code>,
            },
          ]}
        />
      )}
    </>
  );
}

async function look(node: string, cache: string, key: string): Promise<Seen> {
  try {
    const response = await callFor(node, path('caches', cache, 'entries', key));
    const text = await response.text();
    return {
      node,
      value: text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text,
      version: response.headers.get('etag') ?? '',
      from: response.headers.get('x-cache') ?? '',
    };
  } catch (error) {
    if (error instanceof Refused && error.status === 404)
      return { node, value: null, version: '', from: 'absent' };
    throw error;
  }
}
