import { useSignal } from '@preact/signals';
import { act } from '../parts/outcome.js';
import { signIn } from '../state/api.js';

export function SignIn() {
  const secret = useSignal('');
  const submit = (event: Event) => {
    event.preventDefault();
    void act(
      () => signIn(secret.value),
      () => 'Signed in for an hour.',
    );
  };
  return (
    <main class="sign-in">
      <h1>Syncline</h1>
      <p>
        These nodes want an API key. It is exchanged for a session of an hour, which goes on while the page is
        open.
      </p>
      <form class="stack" onSubmit={submit}>
        <label>
          Secret of an API key
          <input
            type="password"
            name="secret"
            autocomplete="current-password"
            required
            value={secret}
            onInput={({ currentTarget }) => {
              secret.value = currentTarget.value;
            }}
          />
        </label>
        <button type="submit">Sign in</button>
      </form>
    </main>
  );
}
