import { useSignal } from '@preact/signals';
import { useCallback, useEffect } from 'preact/hooks';

/** What was read for a screen, and how to read it again. */
interface Loaded<Value> {
  readonly value: Value | undefined;
  readonly error: string | undefined;
  readonly reload: () => void;
}

/** Reads something when a screen opens, and when what it depends on changes. An answer that comes too late is dropped. */
export function useLoaded<Value>(read: () => Promise<Value>, on: readonly unknown[]): Loaded<Value> {
  const value = useSignal<Value | undefined>(undefined);
  const error = useSignal<string | undefined>(undefined);
  const turn = useSignal(0);
  // What it depends on is `on`.
  const reload = useCallback(() => {
    turn.value += 1;
    const mine = turn.value;
    read().then(
      (answer) => {
        if (turn.value !== mine) return;
        value.value = answer;
        error.value = undefined;
      },
      (failure) => {
        if (turn.value === mine) error.value = failure instanceof Error ? failure.message : String(failure);
      },
    );
  }, on);
  useEffect(reload, [reload]);
  return { value: value.value, error: error.value, reload };
}
