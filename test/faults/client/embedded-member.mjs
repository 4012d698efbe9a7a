// A process with engines of its own, as the published package brings them: `node embedded-member.mjs REDIS_URL`.
// It does what the lines of its input say, and prints what came of it.
import { createInterface } from 'node:readline';
import { embed } from '../../../dist/packages/embedded/dist/index.js';

const syncline = await embed({ redis: process.argv[2], name: 'victim' });
const held = new Map();

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
    for (const [name, lease] of held) console.log(`after the block ${name} ${lease.isHeld}`);
  },
  async close() {
    await syncline.close();
    lines.close();
  },
};

const lines = createInterface({ input: process.stdin }).on('line', (line) => {
  const [command, argument] = line.split(' ');
  void COMMANDS[command](argument);
});
console.log('ready');
