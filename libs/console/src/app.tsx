import type { Role } from '@syncline/contracts';
import type { ComponentChildren } from 'preact';
import { SCREENS, showsHelp } from './keyboard.js';
import { Dialog, Questions } from './parts/dialog.js';
import { Outcomes } from './parts/outcome.js';
import { Cache } from './screens/cache.js';
import { Caches } from './screens/caches.js';
import { Cluster } from './screens/cluster.js';
import { Lock } from './screens/lock.js';
import { Locks } from './screens/locks.js';
import { Message } from './screens/message.js';
import { Now } from './screens/now.js';
import { Queue } from './screens/queue.js';
import { Queues } from './screens/queues.js';
import { Schedules } from './screens/schedules.js';
import { SignIn } from './screens/sign-in.js';
import { Waits } from './screens/waits.js';
import { needsKey, signedIn, signOut } from './state/api.js';
import { connected, live } from './state/live.js';
import { route, to } from './state/route.js';

export function App() {
  if (signedIn.value === undefined) return <p class="empty">Asking the node …</p>;
  return (
    <>
      {signedIn.value ? <Signed /> : <SignIn />}
      <Outcomes />
      <Questions />
      {showsHelp.value && <Help />}
    </>
  );
}

function Signed() {
  const [first = 'now'] = route.value.path;
  return (
    <>
      <header>
        <a class="brand" href={to([])}>
          Syncline
        </a>
        <nav aria-label="Screens">
          {SCREENS.map(({ path, title }) => (
            <a key={path} href={to([path])} aria-current={path === first ? 'page' : undefined}>
              {title}
            </a>
          ))}
        </nav>
        {isReadOnly() && <span class="tag">read only</span>}
        {!connected.value && <span class="tag warning">not connected</span>}
        <button type="button" class="link" onClick={() => (showsHelp.value = true)} aria-label="Keys">
          ?
        </button>
        {needsKey.value && (
          <button type="button" class="link" onClick={() => void signOut()}>
            Sign out
          </button>
        )}
      </header>
      <main>{screen()}</main>
    </>
  );
}

function screen(): ComponentChildren {
  const [first = 'now', name, view, id] = route.value.path;
  if (first === 'now') return <Now />;
  if (first === 'locks') return name === undefined ? <Locks /> : <Lock key={name} name={name} />;
  if (first === 'waits') return <Waits />;
  if (first === 'schedules') return <Schedules />;
  if (first === 'queues' && name === undefined) return <Queues />;
  if (first === 'queues' && name !== undefined) {
    return view === 'message' && id !== undefined ? (
      <Message key={id} queue={name} id={id} />
    ) : (
      <Queue key={name} name={name} view={view} />
    );
  }
  if (first === 'caches') return name === undefined ? <Caches /> : <Cache key={name} name={name} />;
  if (first === 'cluster') return <Cluster />;
  return (
    <p class="empty">
      There is no such screen. <a href={to([])}>Back to what is going on now</a>
    </p>
  );
}

/** Whether the key may do nothing but look, as far as the nodes have told. */
function isReadOnly(): boolean {
  const known = (['lock', 'queue', 'cache'] as const satisfies readonly Role[]).flatMap(
    (role) => live[role].value ?? [],
  );
  return known.length > 0 && known.every(({ may }) => may.every((action) => action === 'read'));
}

function Help() {
  return (
    <Dialog title="Keys" onClose={() => (showsHelp.value = false)}>
      <dl class="facts">
        {SCREENS.map(({ letter, title }) => (
          <div key={letter}>
            <dt>
              <kbd>g</kbd> <kbd>{letter}</kbd>
            </dt>
            <dd>{title}</dd>
          </div>
        ))}
        <div>
          <dt>
            <kbd>/</kbd>
          </dt>
          <dd>Search</dd>
        </div>
        <div>
          <dt>
            <kbd>Esc</kbd>
          </dt>
          <dd>Close</dd>
        </div>
      </dl>
      <form method="dialog" class="buttons">
        <button type="submit">Close</button>
      </form>
    </Dialog>
  );
}
