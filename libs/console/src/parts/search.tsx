import { route, setQuery } from '../state/route.js';

/** The filter of a list: kept in the address. `/` leads to it. */
export function Search({ label }: { label: string }) {
  return (
    <input
      type="search"
      class="search"
      aria-label={label}
      placeholder={`${label}  /`}
      value={route.value.query.search ?? ''}
      onInput={({ currentTarget }) => setQuery({ search: currentTarget.value })}
    />
  );
}

/** Whether a name fits the filter. */
export const fits = (name: string): boolean =>
  name.toLowerCase().includes((route.value.query.search ?? '').toLowerCase());
