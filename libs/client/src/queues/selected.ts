import type { MessageSelection } from './message.js';
import type { SelectedMessages } from './queue-port.js';

/** Ids in one request. */
const PORTION = 1_000;

interface Portion {
  readonly count: number;
  /** For the next portion; missing or null at the end. */
  readonly cursor?: string | null | undefined;
}

/**
 * Changes the messages that are selected, portion by portion. Each is changed once, so a portion may be repeated.
 *
 * @param change with the fields of a request; says how many were changed
 * @returns how many in all
 */
export async function changeSelected(
  { ids, where }: MessageSelection,
  max: number,
  change: (selected: SelectedMessages) => Promise<Portion>,
): Promise<number> {
  let changed = 0;
  if (ids !== undefined) {
    for (let from = 0; from < ids.length && changed < max; from += PORTION) {
      const some = ids.slice(from, from + Math.min(PORTION, max - changed));
      changed += (await change({ ids: some })).count;
    }
    return changed;
  }
  let cursor: string | null | undefined;
  do {
    const limit = Number.isFinite(max) ? { max: max - changed } : {};
    const portion = await change({ where, ...limit, ...(cursor ? { cursor } : {}) });
    changed += portion.count;
    cursor = portion.cursor;
  } while (cursor && changed < max);
  return changed;
}
