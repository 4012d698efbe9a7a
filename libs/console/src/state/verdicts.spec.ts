import type { Queue } from '@syncline/contracts';
import type { Overviews } from './live.js';
import { verdicts } from './verdicts.js';

const NOW = Date.parse('2026-01-31T09:30:00.000Z');
const stats = { ready: 0, delayed: 0, inFlight: 0, dead: 0, bytes: 0, oldestReadyAgeMs: 0, lost: 0 };
const limits = { paused: false, maxLength: null, maxBytes: null };
const queueOf = (name: string, changes: object, of: object = {}) =>
  ({ name, deadLetterQueue: `${name}.dead`, ...limits, ...of, stats: { ...stats, ...changes } }) as Queue;

const redis = { latencyMs: 1, usedBytes: 10, maxBytes: null, isSaved: true };
const common = { at: NOW, cluster: { role: 'queue', members: [] }, redis };
const queuesOf = (...queues: Queue[]) => ({ ...common, queues }) as unknown as Overviews['queue'];

const textsOf = (queue: Overviews['queue'] | undefined, lock?: object, away = {}) =>
  verdicts({ queue, lock: lock as Overviews['lock'] | undefined, cache: undefined }, away, NOW).map(
    ({ text }) => text,
  );

describe('verdicts of the console', () => {
  it('says nothing when all is well', () => {
    expect(textsOf(queuesOf(queueOf('orders', { ready: 5, oldestReadyAgeMs: 1_000 })))).toEqual([]);
  });

  it('tells receivers that are too slow from none', () => {
    const old = { ready: 5, oldestReadyAgeMs: 41 * 60_000 };
    const [none, slow] = textsOf(queuesOf(queueOf('orders', old), queueOf('mails', { ...old, inFlight: 2 })));
    expect(none).toBe(
      'orders: the oldest ready message waits for 41 min, and nothing is in flight: no receivers',
    );
    expect(slow).toContain(
      'mails: the oldest ready message waits for 41 min, and its receivers are too slow',
    );
  });

  it('does not complain of dead letters that lie where nobody receives', () => {
    const dead = queueOf('orders.dead', { ready: 3, oldestReadyAgeMs: 3_600_000 });
    expect(textsOf(queuesOf(queueOf('orders', { dead: 3 }), dead))).toEqual(['orders: 3 dead messages']);
  });

  it('puts what is bad before what may become so', () => {
    const [first, second] = textsOf(queuesOf(queueOf('a', { dead: 1 }), queueOf('b', { lost: 2 })));
    expect([first, second]).toEqual(['b: Redis lost 2 acknowledged messages', 'a: 1 dead message']);
  });

  it('knows full queues, a full Redis, and one that cannot write', () => {
    const full = { ...redis, usedBytes: 95, maxBytes: 100, isSaved: false };
    const overview = { ...queuesOf(queueOf('orders', { ready: 95 }, { maxLength: 100 })), redis: full };
    const texts = textsOf(overview as unknown as Overviews['queue']);
    expect(texts.map((text) => text.split(':')[0])).toEqual([
      'Redis could not write to its disk',
      'Redis has used 95 % of its memory',
      'orders',
    ]);
  });

  it('names nodes that are missing, and roles of which nobody answers', () => {
    const members = [
      { nodeId: 'queue_1', state: 'alive' },
      { nodeId: 'queue_2', state: 'left' },
    ];
    const overview = { ...queuesOf(), cluster: { role: 'queue', members } } as unknown as Overviews['queue'];
    expect(textsOf(overview, undefined, { cache: 'it is down' })).toEqual([
      'No cache node answers: it is down',
      'queue_2: this queue node is expected and not there',
    ]);
  });

  it('names the longest wait, and deadlocks of the last minutes', () => {
    const ago = (minutes: number) => new Date(NOW - minutes * 60_000).toISOString();
    const waits = [{ owner: 'dave', waitsFor: 'account-1', heldBy: ['alice'], since: ago(2) }];
    const deadlocks = [{ at: ago(1) }, { at: ago(60) }];
    const lock = { ...common, cluster: { role: 'lock', members: [] }, locks: [], waits, deadlocks };
    expect(textsOf(undefined, lock)).toEqual([
      'account-1: dave waits for 2 min; held by alice',
      '1 deadlock in the last 15 minutes',
    ]);
  });
});
