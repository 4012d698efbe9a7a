import { signal } from '@preact/signals';

interface Outcome {
  readonly text: string;
  readonly isBad: boolean;
}

const SHOWN_MS = 8_000;
const shown = signal<Outcome | undefined>(undefined);

/** Shows for a while how something ended. */
export function show(text: string, isBad = false): void {
  const outcome = { text, isBad };
  shown.value = outcome;
  setTimeout(() => {
    if (shown.value === outcome) shown.value = undefined;
  }, SHOWN_MS);
}

/**
 * Does something and shows how it ended.
 *
 * @param done what to show, made of the answer
 * @param then what to do next, such as reading again what has changed
 */
export async function act<Answer>(
  run: () => Promise<Answer>,
  done: (answer: Answer) => string,
  then?: () => void,
): Promise<void> {
  try {
    show(done(await run()));
    then?.();
  } catch (error) {
    show(error instanceof Error ? error.message : String(error), true);
  }
}

export function Outcomes() {
  return (
    <div class="outcomes" role="status">
      {shown.value !== undefined && <p class={shown.value.isBad ? 'bad' : 'good'}>{shown.value.text}</p>}
    </div>
  );
}
