// A process with engines of its own, as the published package brings them: `node embedded-member.mjs REDIS_URL`.
// It does what the lines of its input say, and prints what came of it.
import { createInterface } from 'node:readline';
import { embed } from '../../../dist/packages/embedded/dist/index.js';

const syncline = await embed({ redis: process.argv[2], name: 'victim' });
const held = new Map();
/** When each value of the watched key was last in memory, by the monotonic clock that all processes share, ns. */
const seen = new Map();
let look = () => {};

const COMMANDS = {
  async hold(name) {
    const lease = await syncline.lock.acquire(name, { ttlMs: 1_500, waitMs: 60_000 });
    held.set(name, lease);
    lease.signal.addEventListener('abort', () => console.log(`lost ${name}`));
    console.log(`held ${name} ${lease.fencingToken}`);
  },
  block(ms) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(ms));
    // Before any timer of this process can tell.
    look();
    for (const [name, lease] of held) console.log(`after the block ${name} ${lease.isHeld}`);
  },
  watch(key) {
    const cache = syncline.cache('faults');
    look = () => {
      // A freeze most likely falls in here: what comes next is a look, before any news is read.
      for (const end = performance.now() + 20; performance.now() < end; ) {
        // Before the look: one that is interrupted in between counts as earlier.
        const at = process.hrtime.bigint();
        const value = cache.peek(key);
        if (value !== undefined) seen.set(value, at);
      }
    };
    setInterval(() => {
      cache.get(key).catch(() => {});
      look();
    }, 25);
  },
  /** `VALUE QUESTION`: each question has an answer of its own. */
  seen(asked) {
    console.log(`seen ${asked} ${seen.get(Number.parseInt(asked, 10)) ?? 0}`);
  },
  work(name) {
    syncline.worker(
      name,
      (message, { signal }) => {
        console.log(`handling ${message.body}`);
        return new Promise((resolve) =>
          signal.addEventListener('abort', () => {
            console.log(`lost ${message.body}`);
            resolve();
          }),
        );
      },
      { visibilityTimeoutMs: 1_500, onError: () => {} },
    );
  },
  async close() {
    await syncline.close();
    lines.close();
  },
};

const lines = createInterface({ input: process.stdin }).on('line', (line) => {
  const [, command, argument] = /^(\w+) ?(.*)$/.exec(line);
  void COMMANDS[command](argument);
});
console.log('ready');
