import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

/** A question before something that cannot be undone. */
interface Question {
  readonly title: string;
  readonly text: string;
  /** What the button says. */
  readonly does: string;
  /** To be typed before the button works; undefined: nothing. */
  readonly type?: string;
  /** Whether a reason is asked for. */
  readonly wantsReason?: boolean;
  readonly run: (reason: string) => void;
}

const asked = signal<Question | undefined>(undefined);
const typed = signal('');
const reason = signal('');

export function ask(question: Question): void {
  typed.value = '';
  reason.value = '';
  asked.value = question;
}

/** The place of the question that is asked. */
export function Questions() {
  const question = asked.value;
  if (question === undefined) return null;
  const close = () => {
    asked.value = undefined;
  };
  const submit = (event: Event) => {
    event.preventDefault();
    close();
    question.run(reason.value);
  };
  return (
    <Dialog title={question.title} onClose={close}>
      <form class="stack" onSubmit={submit}>
        <p>{question.text}</p>
        {question.type !== undefined && (
          <label>
            Type <b>{question.type}</b>
            <input
              name="typed"
              autocomplete="off"
              value={typed}
              onInput={({ currentTarget }) => {
                typed.value = currentTarget.value;
              }}
            />
          </label>
        )}
        {question.wantsReason && (
          <label>
            Reason
            <input
              name="reason"
              autocomplete="off"
              maxLength={256}
              value={reason}
              onInput={({ currentTarget }) => {
                reason.value = currentTarget.value;
              }}
            />
          </label>
        )}
        <p class="buttons">
          <button type="button" onClick={close}>
            Cancel
          </button>
          <button
            type="submit"
            class="danger"
            disabled={question.type !== undefined && typed.value !== question.type}
          >
            {question.does}
          </button>
        </p>
      </form>
    </Dialog>
  );
}

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

export function Dialog({ title, onClose, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => element.current?.showModal(), []);
  return (
    <dialog ref={element} aria-labelledby="dialog-title" onClose={onClose}>
      <h2 id="dialog-title">{title}</h2>
      {children}
    </dialog>
  );
}
