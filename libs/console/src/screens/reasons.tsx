import type { Found } from '@syncline/contracts';
import { setQuery } from '../state/route.js';

/** Dead letters by what their last attempt ended with: a click filters by it. */
export function Reasons({ messages }: { messages: Found['messages'] }) {
  const groups = new Map<string, number>();
  for (const message of messages) groups.set(reasonOf(message), (groups.get(reasonOf(message)) ?? 0) + 1);
  if (groups.size < 2) return null;
  const sorted = [...groups].sort(([, a], [, b]) => b - a);
  return (
    <p class="tools">
      {sorted.map(([reason, amount]) => (
        <button key={reason} type="button" class="tag" onClick={() => setQuery({ reason, cursor: '' })}>
          {amount} × {reason}
        </button>
      ))}
    </p>
  );
}

/** What the last attempt ended with. */
export const reasonOf = ({ deadLetter }: Found['messages'][number]): string =>
  deadLetter?.attempts.at(-1)?.reason ?? (deadLetter?.reason === 'rejected' ? 'rejected' : 'no reason told');
