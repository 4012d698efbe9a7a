import { computed, signal } from '@preact/signals';

/** Where the page is: in the address, so that a link leads there again. */
export interface Route {
  /** The parts of the path, decoded. */
  readonly path: readonly string[];
  readonly query: Readonly<Record<string, string>>;
}

const hash = signal(location.hash);
addEventListener('hashchange', () => {
  hash.value = location.hash;
});

export const route = computed<Route>(() => {
  const [path = '', query = ''] = hash.value.replace(/^#\/?/, '').split('?', 2);
  return {
    path: path.split('/').filter(Boolean).map(decode),
    query: Object.fromEntries(new URLSearchParams(query)),
  };
});

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a screen. */
export function to(path: readonly string[], query: Readonly<Record<string, string>> = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== '');
  const search = given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
  return `#/${path.map(encodeURIComponent).join('/')}${search}`;
}

export function go(address: string): void {
  location.hash = address;
}

/** Changes a part of the query without a new step in the history. */
export function setQuery(change: Readonly<Record<string, string>>): void {
  const { path, query } = route.value;
  const address = to(path, { ...query, ...change });
  history.replaceState(null, '', address);
  hash.value = address;
}
