import type { Watches } from '@syncline/locks';
import type { DisconnectSignal } from '@syncline/runtime';

export type Watcher = Parameters<Watches['watch']>[2];

/**
 * Yields when the watch has begun, and after events. Ends when it is disconnected.
 *
 * @param begin starts to watch
 */
export async function* watchLock(
  begin: (watcher: Watcher) => ReturnType<Watches['watch']>,
  disconnect: DisconnectSignal,
): AsyncGenerator<undefined, void, void> {
  // Also what happens before the first look.
  let changed = true;
  let wake = () => {};
  const notice = () => {
    changed = true;
    wake();
  };
  const { stop } = await begin({ onEvent: notice, onGone: notice });
  disconnect.addEventListener('abort', notice);
  try {
    while (!disconnect.aborted) {
      if (changed) {
        changed = false;
        yield undefined;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    disconnect.removeEventListener('abort', notice);
    stop();
  }
}
