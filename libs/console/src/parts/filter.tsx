import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { route, setQuery } from '../state/route.js';

/** So long nobody types any more before the nodes are asked. */
const PAUSE_MS = 300;

/** A condition of what is read: kept in the address, from which a page begins anew. */
export function Filter({ name, label }: { name: string; label: string }) {
  const draft = useSignal<string | undefined>(undefined);
  const typed = draft.value;
  useEffect(() => {
    if (typed === undefined) return undefined;
    const timer = setTimeout(() => {
      setQuery({ [name]: typed, cursor: '' });
      draft.value = undefined;
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed, name, draft]);
  return (
    <input
      type="search"
      aria-label={label}
      placeholder={label}
      value={typed ?? route.value.query[name] ?? ''}
      onInput={({ currentTarget }) => {
        draft.value = currentTarget.value;
      }}
    />
  );
}
