import type { Member, Queue, RedisLoad, Role } from '@syncline/contracts';
import { duration } from '../parts/words.js';
import type { Overviews } from './live.js';
import { deadOf, withoutDeadLetters } from './queues.js';

/** Something that is wrong, in words, and where to look. */
export interface Verdict {
  readonly level: 'bad' | 'warning';
  readonly text: string;
  readonly path: readonly string[];
}

const OLD_MS = 5 * 60_000;
const LONG_WAIT_MS = 60_000;
const SLOW_REDIS_MS = 100;
const FULL = 0.9;
/** Deadlocks are told so long. */
const RECENT_MS = 15 * 60_000;
const ROLE_NAMES = { lock: 'lock', queue: 'queue', cache: 'cache' } as const satisfies Record<Role, string>;

/** What somebody who looks at the page should know first: the worst at the top. */
export function verdicts(
  known: { readonly [R in Role]: Overviews[R] | undefined },
  away: Partial<Record<Role, string>>,
  now: number,
): readonly Verdict[] {
  const { lock, queue, cache } = known;
  const found: Verdict[] = [
    ...Object.entries(away).flatMap(([role, detail]) =>
      detail === undefined ? [] : [bad(`No ${role} node answers: ${detail}`, ['cluster'])],
    ),
    ...[lock, queue, cache].flatMap((overview) =>
      overview === undefined ? [] : ofMembers(overview.cluster.members, overview.cluster.role),
    ),
    ...ofRedis((queue ?? lock ?? cache)?.redis),
    ...withoutDeadLetters(queue?.queues ?? []).flatMap((each) =>
      ofQueue(each, deadOf(each, queue?.queues ?? [])),
    ),
    ...(lock === undefined ? [] : ofLocks(lock, now)),
  ];
  return found.sort((a, b) => Number(b.level === 'bad') - Number(a.level === 'bad'));
}

const bad = (text: string, path: readonly string[]): Verdict => ({ level: 'bad', text, path });
const warning = (text: string, path: readonly string[]): Verdict => ({ level: 'warning', text, path });

function ofMembers(members: readonly Member[], role: Role): Verdict[] {
  return members.flatMap(({ nodeId, state }) => {
    if (state === 'left')
      return [bad(`${nodeId}: this ${ROLE_NAMES[role]} node is expected and not there`, ['cluster'])];
    return state === 'suspect'
      ? [warning(`${nodeId}: no heartbeat for more than a second`, ['cluster'])]
      : [];
  });
}

function ofRedis(redis: RedisLoad | undefined): Verdict[] {
  if (redis === undefined) return [];
  const { latencyMs, usedBytes, maxBytes, isSaved } = redis;
  const found: Verdict[] = [];
  if (!isSaved)
    found.push(bad('Redis could not write to its disk: what is there is lost when it stops', ['cluster']));
  if (maxBytes !== null && usedBytes > FULL * maxBytes)
    found.push(
      bad(
        `Redis has used ${Math.round((usedBytes / maxBytes) * 100)} % of its memory: at 100 % it refuses writes`,
        ['cluster'],
      ),
    );
  if (latencyMs > SLOW_REDIS_MS)
    found.push(warning(`Redis takes ${Math.round(latencyMs)} ms to answer`, ['cluster']));
  return found;
}

function ofQueue({ name, paused, stats, maxLength, maxBytes }: Queue, dead: number): Verdict[] {
  const found: Verdict[] = [];
  const { ready, delayed, inFlight, oldestReadyAgeMs, bytes, lost } = stats;
  const at = ['queues', name];
  if (paused && ready > 0) found.push(warning(`${name}: paused, with ${ready} messages ready`, at));
  else if (oldestReadyAgeMs > OLD_MS) {
    const why = inFlight === 0 ? 'nothing is in flight: no receivers' : 'its receivers are too slow';
    found.push(
      bad(`${name}: the oldest ready message waits for ${duration(oldestReadyAgeMs)}, and ${why}`, at),
    );
  }
  if (dead > 0)
    found.push(warning(`${name}: ${dead} dead ${dead === 1 ? 'message' : 'messages'}`, [...at, 'dead']));
  if (lost > 0) found.push(bad(`${name}: Redis lost ${lost} acknowledged messages`, at));
  const isFull =
    (maxLength !== null && ready + delayed + inFlight > FULL * maxLength) ||
    (maxBytes !== null && bytes > FULL * maxBytes);
  if (isFull) found.push(warning(`${name}: nearly full; when it is, sends are refused`, at));
  return found;
}

function ofLocks({ waits, deadlocks }: Overviews['lock'], now: number): Verdict[] {
  const longest = waits[0];
  const waited = longest === undefined ? 0 : now - Date.parse(longest.since);
  const recent = deadlocks.filter(({ at }) => now - Date.parse(at) < RECENT_MS);
  return [
    ...(longest !== undefined && waited > LONG_WAIT_MS
      ? [
          warning(
            `${longest.waitsFor}: ${longest.owner} waits for ${duration(waited)}; held by ${longest.heldBy.join(', ') || 'nobody'}`,
            ['locks', longest.waitsFor],
          ),
        ]
      : []),
    ...(recent.length > 0
      ? [
          warning(
            `${recent.length} ${recent.length === 1 ? 'deadlock' : 'deadlocks'} in the last 15 minutes`,
            ['waits'],
          ),
        ]
      : []),
  ];
}
