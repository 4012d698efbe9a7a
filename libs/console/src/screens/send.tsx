import { useSignal } from '@preact/signals';
import type { Sent } from '@syncline/contracts';
import { act } from '../parts/outcome.js';
import { call, path, Refused } from '../state/api.js';

/** Sends one message. */
export function Send({ queue, onSent }: { queue: string; onSent: () => void }) {
  const body = useSignal('{\n  "hello": "world"\n}');
  const delay = useSignal('0');
  const group = useSignal('');
  const send = (event: Event) => {
    event.preventDefault();
    void act(
      async () => {
        const message = {
          body: JSON.parse(body.value),
          delayMs: Number(delay.value) * 1_000,
          ...(group.value !== '' && { groupId: group.value }),
        };
        const { messages } = await call<Sent>('queue', 'POST', path('queues', queue, 'messages'), {
          messages: [message],
        });
        const [sent] = messages;
        if (sent === undefined || !('id' in sent)) throw new Refused(400, sent?.problem ?? {});
        return sent.id;
      },
      (id) => `Sent as ${id}.`,
      onSent,
    );
  };
  return (
    <form onSubmit={send} class="stack">
      <label>
        Body, JSON
        <textarea
          name="body"
          rows={8}
          spellcheck={false}
          value={body}
          onInput={({ currentTarget }) => {
            body.value = currentTarget.value;
          }}
        />
      </label>
      <label>
        Delay, seconds
        <input
          type="number"
          name="delay"
          min="0"
          value={delay}
          onInput={({ currentTarget }) => {
            delay.value = currentTarget.value;
          }}
        />
      </label>
      <label>
        Group, none when empty
        <input
          name="group"
          value={group}
          onInput={({ currentTarget }) => {
            group.value = currentTarget.value;
          }}
        />
      </label>
      <p class="buttons">
        <button type="submit">Send</button>
      </p>
    </form>
  );
}
