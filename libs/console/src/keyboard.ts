import { signal } from '@preact/signals';
import { go } from './state/route.js';

/** `g` and one of these letters leads there. */
export const SCREENS = [
  { letter: 'n', path: 'now', title: 'Now' },
  { letter: 'l', path: 'locks', title: 'Locks' },
  { letter: 'w', path: 'waits', title: 'Waits' },
  { letter: 'q', path: 'queues', title: 'Queues' },
  { letter: 'c', path: 'caches', title: 'Caches' },
  { letter: 'k', path: 'cluster', title: 'Cluster' },
] as const;

export const showsHelp = signal(false);
const CHORD_MS = 1_500;

/** Keys work wherever nobody types. */
export function listenToKeys(): void {
  let goneAt = Number.NEGATIVE_INFINITY;
  addEventListener('keydown', (event) => {
    const target = event.target as HTMLElement;
    const types = target.matches('input:not([type=checkbox]), textarea, select');
    if (types || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]'))
      return;
    const isChord = event.timeStamp - goneAt < CHORD_MS;
    goneAt = Number.NEGATIVE_INFINITY;
    const screen = SCREENS.find(({ letter }) => letter === event.key);
    if (isChord && screen !== undefined) go(`#/${screen.path}`);
    else if (event.key === 'g') goneAt = event.timeStamp;
    else if (event.key === '?') showsHelp.value = true;
    else if (event.key === '/') {
      const search = document.querySelector<HTMLElement>('input[type=search]');
      if (search === null) return;
      event.preventDefault();
      search.focus();
    }
  });
}
