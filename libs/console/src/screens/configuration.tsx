import { useSignal } from '@preact/signals';
import type { Queue } from '@syncline/contracts';
import { act } from '../parts/outcome.js';
import { call, path } from '../state/api.js';
import { may } from '../state/live.js';

/** The configuration of a queue, as the text that the API takes. */
export function Configuration({ queue, onChange }: { queue: Queue; onChange: () => void }) {
  const { name, stats: _stats, paused: _paused, ...configuration } = queue;
  const current = JSON.stringify(configuration, null, 2);
  const edited = useSignal<string | undefined>(undefined);
  const save = (event: Event) => {
    event.preventDefault();
    void act(
      async () => call<Queue>('queue', 'PUT', path('queues', name), JSON.parse(edited.value ?? current)),
      () => `${name} is configured.`,
      () => {
        edited.value = undefined;
        onChange();
      },
    );
  };
  return (
    <form onSubmit={save} class="stack">
      <label>
        Configuration
        <textarea
          name="configuration"
          rows={current.split('\n').length + 1}
          spellcheck={false}
          readOnly={!may('queue', 'configure')}
          value={edited.value ?? current}
          onInput={({ currentTarget }) => {
            edited.value = currentTarget.value;
          }}
        />
      </label>
      {may('queue', 'configure') && (
        <p class="buttons">
          <button
            type="button"
            disabled={edited.value === undefined}
            onClick={() => {
              edited.value = undefined;
            }}
          >
            Undo
          </button>
          <button type="submit" disabled={edited.value === undefined}>
            Save
          </button>
        </p>
      )}
    </form>
  );
}
